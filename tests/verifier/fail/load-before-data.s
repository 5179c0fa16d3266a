# SPDX-License-Identifier: BSD-2-Clause
# about     one byte before the packet
# expect    refuse packet_bounds at bad
        cmp rsi, 14
        jb out
bad:    movzx eax, byte ptr [rdi-1]
        ret
out:    xor eax, eax
        ret
