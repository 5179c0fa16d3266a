# SPDX-License-Identifier: BSD-2-Clause
# about     a 64-bit sum that may wrap
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        mov rax, qword ptr [rdi+8]
        lea rcx, [rax+16]
        cmp rcx, rsi
        ja out
bad:    movzx eax, byte ptr [rdi+rax+14]
        ret
out:    xor eax, eax
        ret
