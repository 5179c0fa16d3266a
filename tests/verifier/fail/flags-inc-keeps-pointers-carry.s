# SPDX-License-Identifier: BSD-2-Clause
# about     whether an address is above a constant, carried past what writes the other flags
# expect    refuse uninit_flags at bad
        xor eax, eax
        mov rcx, -0x600000000000
        add rdi, rcx
        inc eax
bad:    setc al
        movzx eax, al
        ret
