# SPDX-License-Identifier: BSD-2-Clause
# about     a signed comparison of a 64-bit length teaches nothing about huge indices
# expect    refuse packet_bounds at bad
        cmp rsi, 14
        jb out
        mov eax, dword ptr [rdi]
        movsxd rcx, eax
        lea rdx, [rcx+1]
        cmp rdx, rsi
        jg out
bad:    movzx eax, byte ptr [rdi+rcx]
        ret
out:    xor eax, eax
        ret
