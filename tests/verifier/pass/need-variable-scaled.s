# SPDX-License-Identifier: BSD-2-Clause
# about     4*x is checked and read, with the sum made twice
# expect    accept
        cmp rsi, 34
        jb out
        movzx eax, byte ptr [rdi+14]
        lea rcx, [rax*4+18]
        cmp rcx, rsi
        ja out
        movzx eax, word ptr [rdi+rax*4+16]
        ret
out:    xor eax, eax
        ret
