# SPDX-License-Identifier: BSD-2-Clause
# about     or of bits that are known to be zero is an addition
# expect    accept
        cmp rsi, 34
        jb out
        movzx eax, byte ptr [rdi+14]
        shl eax, 2
        lea rcx, [rax+6]
        cmp rcx, rsi
        ja out
        or eax, 2
        mov eax, dword ptr [rdi+rax]
        ret
out:    xor eax, eax
        ret
