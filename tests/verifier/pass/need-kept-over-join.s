# SPDX-License-Identifier: BSD-2-Clause
# about     two ways with the same knowledge meet
# expect    accept
        cmp rsi, 34
        jb out
        movzx eax, byte ptr [rdi+14]
        lea rcx, [rax+18]
        cmp rcx, rsi
        ja out
        cmp eax, 7
        je meet
        mov r8d, 1
meet:   movzx eax, word ptr [rdi+rax+16]
        ret
out:    xor eax, eax
        ret
