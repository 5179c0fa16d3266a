# SPDX-License-Identifier: BSD-2-Clause
# about     index 16 of 16
# contract  tables=unit:64@t
# expect    refuse table_bounds at bad
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        and eax, 31
        lea rcx, [rip+t]
bad:    mov eax, dword ptr [rcx+rax*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
