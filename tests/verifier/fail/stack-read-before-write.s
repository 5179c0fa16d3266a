# SPDX-License-Identifier: BSD-2-Clause
# about     the slot still holds what others left there
# contract  stack=8
# expect    refuse uninit_read at bad
        sub rsp, 8
bad:    mov rax, qword ptr [rsp]
        add rsp, 8
        mov eax, eax
        ret
