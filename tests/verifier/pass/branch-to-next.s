# SPDX-License-Identifier: BSD-2-Clause
# about     a branch that goes where it would go anyway
# expect    accept
        xor eax, eax
        cmp rsi, 4
        jb next
next:   ret
