# SPDX-License-Identifier: BSD-2-Clause
# about     a slot chosen by the packet
# contract  stack=16
# expect    refuse stack_slot at bad
        sub rsp, 16
        mov eax, esi
        and eax, 1
bad:    mov qword ptr [rsp+rax*8], rsi
        add rsp, 16
        xor eax, eax
        ret
