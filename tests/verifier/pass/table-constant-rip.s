# SPDX-License-Identifier: BSD-2-Clause
# about     a constant of a table, rip-relative
# contract  tables=unit:64@t
# expect    accept
        mov eax, dword ptr [rip+t+4]
        ret
        int3
        .balign 64, 0xcc
t:      .zero 64
