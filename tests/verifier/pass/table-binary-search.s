# SPDX-License-Identifier: BSD-2-Clause
# about     branch-free search: cmov of two bounded indices
# contract  tables=unit:64@t
# expect    accept
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        lea r8, [rip+t]
        xor ecx, ecx
        mov r9d, 8
        cmp eax, dword ptr [r8+28]
        cmova ecx, r9d
        lea r10d, [rcx+4]
        cmp eax, dword ptr [r8+rcx*4+12]
        cmova ecx, r10d
        mov eax, dword ptr [r8+rcx*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
