# SPDX-License-Identifier: BSD-2-Clause
# about     rep ret
# expect    refuse prefix at bad
        xor eax, eax
bad:    .byte 0xf3, 0xc3
