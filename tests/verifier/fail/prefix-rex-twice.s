# SPDX-License-Identifier: BSD-2-Clause
# about     REX twice
# expect    refuse prefix at bad
bad:    .byte 0x48, 0x48, 0x89, 0xf0
        ret
