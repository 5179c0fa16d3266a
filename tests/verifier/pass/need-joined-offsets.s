# SPDX-License-Identifier: BSD-2-Clause
# about     each way sets another checked offset
# expect    accept
        cmp rsi, 40
        jb out
        mov eax, 20
        cmp byte ptr [rdi], 7
        je meet
        mov eax, 36
meet:   mov eax, dword ptr [rdi+rax]
        ret
out:    xor eax, eax
        ret
