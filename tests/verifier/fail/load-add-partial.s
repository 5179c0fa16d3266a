# SPDX-License-Identifier: BSD-2-Clause
# about     an 8-bit write changes the offset behind its check
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        movzx eax, byte ptr [rdi+14]
        lea rcx, [rax+16]
        cmp rcx, rsi
        ja out
        mov al, byte ptr [rdi+15]
bad:    movzx eax, byte ptr [rdi+rax+14]
        ret
out:    xor eax, eax
        ret
