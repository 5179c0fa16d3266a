# SPDX-License-Identifier: BSD-2-Clause
# about     rcx was checked, rdx is used
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        movzx ecx, byte ptr [rdi+14]
        movzx r8d, byte ptr [rdi+15]
        lea r9, [rcx+16]
        cmp r9, rsi
        ja out
bad:    movzx eax, byte ptr [rdi+r8+14]
        ret
out:    xor eax, eax
        ret
