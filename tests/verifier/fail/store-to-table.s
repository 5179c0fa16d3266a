# SPDX-License-Identifier: BSD-2-Clause
# about     tables are read only
# contract  tables=unit:64@t
# expect    refuse store at bad
        lea rcx, [rip+t]
bad:    mov dword ptr [rcx], 1
        xor eax, eax
        ret
        int3
        .balign 64, 0xcc
t:      .zero 64
