# SPDX-License-Identifier: BSD-2-Clause
# about     the register checked was changed after the check
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        movzx eax, byte ptr [rdi+14]
        lea rcx, [rax+16]
        cmp rcx, rsi
        ja out
        add eax, 1
bad:    movzx eax, word ptr [rdi+rax+14]
        ret
out:    xor eax, eax
        ret
