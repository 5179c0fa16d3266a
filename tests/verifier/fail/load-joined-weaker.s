# SPDX-License-Identifier: BSD-2-Clause
# about     one of two ways to the load checks 14 bytes, the other 10
# expect    refuse packet_bounds at bad
        cmp rsi, 14
        jae deep
        cmp rsi, 10
        jb out
deep:   nop
bad:    movzx eax, byte ptr [rdi+13]
        ret
out:    xor eax, eax
        ret
