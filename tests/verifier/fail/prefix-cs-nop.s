# SPDX-License-Identifier: BSD-2-Clause
# about     a segment prefix on a nop
# expect    refuse prefix at bad
bad:    .byte 0x2e, 0x0f, 0x1f, 0x00
        xor eax, eax
        ret
