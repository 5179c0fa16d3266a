# SPDX-License-Identifier: BSD-2-Clause
# about     movsxd without REX.W
# expect    refuse operand at bad
bad:    .byte 0x63, 0xc6
        ret
