# SPDX-License-Identifier: BSD-2-Clause
# about     lea of a register
# expect    refuse operand at bad
bad:    .byte 0x8d, 0xc6
        ret
