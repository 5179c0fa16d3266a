# SPDX-License-Identifier: BSD-2-Clause
# about     max_len fits 32 bits, so esi is the length
# contract  max_len=65535
# expect    accept
        cmp esi, 14
        jb out
        movzx eax, word ptr [rdi+12]
        ret
out:    xor eax, eax
        ret
