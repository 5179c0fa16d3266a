# SPDX-License-Identifier: BSD-2-Clause
# about     facts of two ways, the weaker one suffices
# expect    accept
        cmp rsi, 40
        jb out
        movzx eax, byte ptr [rdi]
        cmp rsi, 300
        jae deep
        lea rcx, [rax+10]
        cmp rcx, rsi
        ja out
        jmp meet
deep:   lea rcx, [rax+12]
        cmp rcx, rsi
        ja out
meet:   movzx eax, word ptr [rdi+rax+8]
        ret
out:    xor eax, eax
        ret
