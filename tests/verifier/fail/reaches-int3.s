# SPDX-License-Identifier: BSD-2-Clause
# about     int3 on a path
# expect    refuse trap at bad
        cmp rsi, 4
        jb bad
        xor eax, eax
        ret
bad:    int3
