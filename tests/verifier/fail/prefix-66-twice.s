# SPDX-License-Identifier: BSD-2-Clause
# about     66 twice
# expect    refuse prefix at bad
bad:    .byte 0x66, 0x66, 0x90
        xor eax, eax
        ret
