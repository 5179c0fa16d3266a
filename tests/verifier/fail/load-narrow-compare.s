# SPDX-License-Identifier: BSD-2-Clause
# about     only the low 16 bits of the offset were compared
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        mov eax, dword ptr [rdi+14]
        cmp ax, 8
        ja out
bad:    movzx eax, byte ptr [rdi+rax]
        ret
out:    xor eax, eax
        ret
