# SPDX-License-Identifier: BSD-2-Clause
# about     xor turns a pointer into a number
# expect    refuse pointer_arith at bad
        mov rax, rdi
bad:    xor rax, 1
        ret
