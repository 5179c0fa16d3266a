# SPDX-License-Identifier: BSD-2-Clause
# about     REX.X without an index
# expect    refuse prefix at bad
bad:    .byte 0x42, 0x89, 0xf0
        ret
