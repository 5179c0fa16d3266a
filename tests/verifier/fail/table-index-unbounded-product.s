# SPDX-License-Identifier: BSD-2-Clause
# about     the product has all 32 bits
# contract  tables=unit:64@t
# expect    refuse table_bounds at bad
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        imul eax, eax, 0x1e3779b1
        lea rcx, [rip+t]
bad:    mov eax, dword ptr [rcx+rax*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
