# SPDX-License-Identifier: BSD-2-Clause
# about     a prefix behind REX takes its effect away
# expect    refuse prefix at bad
bad:    .byte 0x48, 0x66, 0x89, 0xf0
        ret
