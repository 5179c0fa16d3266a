# SPDX-License-Identifier: BSD-2-Clause
# about     bt writes the carry and nothing else
# expect    refuse uninit_flags at bad
        xor r10d, r10d
        mov rcx, -0x600000000000
        add rdi, rcx
        bt r10d, 0
bad:    sets al
        movzx eax, al
        ret
