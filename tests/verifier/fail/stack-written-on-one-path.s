# SPDX-License-Identifier: BSD-2-Clause
# about     only one of two ways writes the slot
# contract  stack=8
# expect    refuse uninit_read at bad
        sub rsp, 8
        cmp rsi, 9
        jb skip
        mov qword ptr [rsp], rsi
skip:   nop
bad:    mov rax, qword ptr [rsp]
        add rsp, 8
        mov eax, eax
        ret
