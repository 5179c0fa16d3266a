# SPDX-License-Identifier: BSD-2-Clause
# about     66 is without use beside REX.W
# expect    refuse prefix at bad
bad:    .byte 0x66, 0x48, 0x89, 0xf0
        ret
