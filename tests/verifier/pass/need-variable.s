# SPDX-License-Identifier: BSD-2-Clause
# about     the IPv4 header length as offset
# expect    accept
        cmp rsi, 34
        jb out
        movzx eax, byte ptr [rdi+14]
        and eax, 15
        shl eax, 2
        lea rcx, [rax+18]
        cmp rcx, rsi
        ja out
        movzx eax, word ptr [rdi+rax+16]
        ret
out:    xor eax, eax
        ret
