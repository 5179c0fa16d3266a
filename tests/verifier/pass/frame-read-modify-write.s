# SPDX-License-Identifier: BSD-2-Clause
# about     arithmetic on a slot
# contract  stack=8
# expect    accept
        sub rsp, 8
        mov qword ptr [rsp], 5
        add qword ptr [rsp], 3
        inc qword ptr [rsp]
        mov eax, dword ptr [rsp]
        add rsp, 8
        ret
