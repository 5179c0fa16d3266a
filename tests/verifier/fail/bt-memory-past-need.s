# SPDX-License-Identifier: BSD-2-Clause
# about     bt reads 4 bytes even for bit 0
# expect    refuse packet_bounds at bad
        cmp rsi, 3
        jb out
bad:    bt dword ptr [rdi], 0
        setc al
        movzx eax, al
        ret
out:    xor eax, eax
        ret
