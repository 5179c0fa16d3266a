# SPDX-License-Identifier: BSD-2-Clause
# about     the target is the first byte behind the code
# expect    refuse target_outside at bad
        xor eax, eax
        cmp rsi, 4
bad:    .byte 0x72, 0x01
        ret
