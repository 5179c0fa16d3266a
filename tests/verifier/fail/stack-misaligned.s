# SPDX-License-Identifier: BSD-2-Clause
# about     a slot that straddles two
# contract  stack=16
# expect    refuse stack_slot at bad
        sub rsp, 16
bad:    mov qword ptr [rsp+4], rsi
        add rsp, 16
        xor eax, eax
        ret
