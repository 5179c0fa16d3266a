# SPDX-License-Identifier: BSD-2-Clause
# about     the same need as `len > 13`
# expect    accept
        cmp rsi, 13
        jbe out
        movzx eax, word ptr [rdi+12]
        ret
out:    xor eax, eax
        ret
