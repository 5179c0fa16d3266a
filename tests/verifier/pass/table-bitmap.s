# SPDX-License-Identifier: BSD-2-Clause
# about     bit vector by bt
# contract  tables=unit:64@t
# expect    accept
        movzx ecx, sil
        mov eax, ecx
        shr eax, 5
        lea r8, [rip+t]
        mov eax, dword ptr [r8+rax*4]
        bt eax, ecx
        setc al
        movzx eax, al
        ret
        int3
        .balign 64, 0xcc
t:      .zero 64
