# SPDX-License-Identifier: BSD-2-Clause
# about     F2 on a jump
# expect    refuse prefix at bad
bad:    .byte 0xf2, 0xeb, 0x00
        xor eax, eax
        ret
