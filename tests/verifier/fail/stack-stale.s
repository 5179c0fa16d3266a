# SPDX-License-Identifier: BSD-2-Clause
# about     rsp went above the slot and came back
# contract  stack=8
# expect    refuse uninit_read at bad
        sub rsp, 8
        mov qword ptr [rsp], rsi
        add rsp, 8
        sub rsp, 8
bad:    mov rax, qword ptr [rsp]
        add rsp, 8
        mov eax, eax
        ret
