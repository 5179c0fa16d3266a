# SPDX-License-Identifier: BSD-2-Clause
# about     a table is not code
# contract  tables=unit:64@t
# expect    refuse target_outside at bad
        xor eax, eax
        cmp rsi, 4
bad:    jb t
        ret
        int3
        .balign 64, 0xcc
t:      .zero 64
