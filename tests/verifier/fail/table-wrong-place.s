# SPDX-License-Identifier: BSD-2-Clause
# about     rip-relative, but not in a table
# contract  tables=unit:64@t
# expect    refuse table_place at bad
bad:    lea rcx, [rip+t-8]
        mov eax, dword ptr [rcx]
        ret
        int3
        .balign 64, 0xcc
t:      .zero 64
