# SPDX-License-Identifier: BSD-2-Clause
# about     a table behind ctx
# contract  tables=ctx:256@3
# expect    accept
        mov rcx, qword ptr [rdx+56]
        movzx eax, sil
        mov al, byte ptr [rcx+rax]
        movzx eax, al
        ret
