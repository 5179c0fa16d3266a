# SPDX-License-Identifier: BSD-2-Clause
# about     the same need as `14 > len`
# expect    accept
        mov eax, 14
        cmp rax, rsi
        ja out
        movzx eax, word ptr [rdi+12]
        ret
out:    xor eax, eax
        ret
