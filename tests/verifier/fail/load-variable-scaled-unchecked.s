# SPDX-License-Identifier: BSD-2-Clause
# about     x was checked, 4*x is read
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        movzx eax, byte ptr [rdi+14]
        lea rcx, [rax+16]
        cmp rcx, rsi
        ja out
bad:    movzx eax, byte ptr [rdi+rax*4+14]
        ret
out:    xor eax, eax
        ret
