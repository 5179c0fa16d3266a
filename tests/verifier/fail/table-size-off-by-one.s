# SPDX-License-Identifier: BSD-2-Clause
# about     the table is one byte too short for the last entry
# contract  tables=unit:63@t
# expect    refuse table_bounds at bad
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        and eax, 15
        lea rcx, [rip+t]
bad:    mov eax, dword ptr [rcx+rax*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
