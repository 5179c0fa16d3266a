# SPDX-License-Identifier: BSD-2-Clause
# about     x+16 is checked, x+14 is read as 4 bytes
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        movzx eax, byte ptr [rdi+14]
        lea rcx, [rax+16]
        cmp rcx, rsi
        ja out
bad:    mov eax, dword ptr [rdi+rax+14]
        ret
out:    xor eax, eax
        ret
