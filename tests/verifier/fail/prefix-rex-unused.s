# SPDX-License-Identifier: BSD-2-Clause
# about     a REX that selects nothing
# expect    refuse prefix at bad
bad:    .byte 0x40, 0x89, 0xf0
        ret
