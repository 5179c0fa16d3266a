# SPDX-License-Identifier: BSD-2-Clause
# about     hidden code inside a nop that nothing reaches
# expect    refuse target_inside at bad
        xor eax, eax
        cmp rsi, 4
bad:    .byte 0x72, 0x04
        ret
        .byte 0x0f, 0x1f, 0x80, 0x0f, 0x05, 0xc3, 0x90
        int3
