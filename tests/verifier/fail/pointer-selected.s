# SPDX-License-Identifier: BSD-2-Clause
# about     cmov of pointers
# expect    refuse pointer_arith at bad
        mov r8, rdi
        cmp rsi, 3
bad:    cmova r8, rdx
        xor eax, eax
        ret
