# SPDX-License-Identifier: BSD-2-Clause
# about     14 bytes are checked and read to the last one
# expect    accept
        cmp rsi, 14
        jb out
        movzx eax, word ptr [rdi+12]
        ret
out:    xor eax, eax
        ret
