# SPDX-License-Identifier: BSD-2-Clause
# about     the caller's frame
# expect    refuse stack_slot at bad
bad:    mov rax, qword ptr [rsp+8]
        xor eax, eax
        ret
