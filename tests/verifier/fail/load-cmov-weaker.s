# SPDX-License-Identifier: BSD-2-Clause
# about     cmov may put an unchecked offset in place
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        movzx eax, byte ptr [rdi+14]
        movzx ecx, byte ptr [rdi+15]
        lea r9, [rcx+16]
        cmp r9, rsi
        ja out
        test eax, eax
        cmove ecx, eax
        cmovne ecx, eax
bad:    movzx eax, byte ptr [rdi+rcx+14]
        ret
out:    xor eax, eax
        ret
