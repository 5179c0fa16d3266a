# SPDX-License-Identifier: BSD-2-Clause
# about     a mask bounds the index by data flow, where a branch has bounded it on completed paths before
# contract  tables=unit:64@t
# expect    accept
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        cmp eax, 16
        jae out
        and eax, 15
        lea rcx, [rip+t]
        mov eax, dword ptr [rcx+rax*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
