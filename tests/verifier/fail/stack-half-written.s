# SPDX-License-Identifier: BSD-2-Clause
# about     4 bytes are written, 8 are read
# contract  stack=8 max_len=65535
# expect    refuse uninit_read at bad
        sub rsp, 8
        mov dword ptr [rsp], esi
bad:    mov rax, qword ptr [rsp]
        add rsp, 8
        mov eax, eax
        ret
