# SPDX-License-Identifier: BSD-2-Clause
# about     a shift of 32 bits by 32 is one by 0 and leaves the flags as they were: not set
# contract
# expect    refuse uninit_flags at bad
        .byte 0xc1, 0xee, 0x20
bad:    sete al
        movzx eax, al
        ret
