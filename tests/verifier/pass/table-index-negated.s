# SPDX-License-Identifier: BSD-2-Clause
# about     the negative of a multiple is one: 256 entries of four bytes, of which each 64th is read
# contract  tables=unit:1024@t
# expect    accept
        cmp rsi, 4
        jb out
        movzx eax, byte ptr [rdi]
        shl eax, 30
        neg eax
        shr eax, 22
        lea rcx, [rip+t]
        mov eax, dword ptr [rcx+rax]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 1024
