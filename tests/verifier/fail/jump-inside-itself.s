# SPDX-License-Identifier: BSD-2-Clause
# about     the target is the branch's own displacement
# expect    refuse backward at bad
        cmp rsi, 4
bad:    .byte 0x0f, 0x82, 0xff, 0xff, 0xff, 0xff
        xor eax, eax
        ret
