# SPDX-License-Identifier: BSD-2-Clause
# about     the return address is not ours to write
# expect    refuse stack_slot at bad
bad:    mov qword ptr [rsp], rsi
        xor eax, eax
        ret
