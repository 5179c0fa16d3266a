# SPDX-License-Identifier: BSD-2-Clause
# about     the load is on the edge where the packet is short
# expect    refuse packet_bounds at bad
        cmp rsi, 14
        jae out
bad:    movzx eax, byte ptr [rdi]
        ret
out:    xor eax, eax
        ret
