# SPDX-License-Identifier: BSD-2-Clause
# about     x+y is checked and read, with the sum made twice
# expect    accept
        cmp rsi, 34
        jb out
        movzx eax, byte ptr [rdi+14]
        movzx ecx, byte ptr [rdi+15]
        lea r8, [rcx+rax]
        add r8, 20
        cmp r8, rsi
        ja out
        add rax, rcx
        movzx eax, word ptr [rdi+rax+18]
        ret
out:    xor eax, eax
        ret
