# SPDX-License-Identifier: BSD-2-Clause
# about     the 32-bit sum may wrap, so a small sum says nothing of its parts
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        mov eax, dword ptr [rdi+14]
        lea ecx, [rax+16]
        cmp rcx, rsi
        ja out
bad:    movzx eax, byte ptr [rdi+rax+14]
        ret
out:    xor eax, eax
        ret
