# SPDX-License-Identifier: BSD-2-Clause
# about     a multiplicative hash, as lookup/ makes it
# contract  tables=unit:64@t
# expect    accept
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        imul ecx, eax, 0x1e3779b1
        shr ecx, 30
        shl ecx, 4
        lea r8, [rip+t]
        add r8, rcx
        cmp dword ptr [r8+12], eax
        sete al
        movzx eax, al
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
