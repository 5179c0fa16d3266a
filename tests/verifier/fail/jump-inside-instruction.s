# SPDX-License-Identifier: BSD-2-Clause
# about     the target is inside the next instruction
# expect    refuse target_inside at bad
        cmp rsi, 4
bad:    .byte 0x72, 0x01
        mov eax, 1
        ret
