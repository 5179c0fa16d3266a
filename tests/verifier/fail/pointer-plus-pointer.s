# SPDX-License-Identifier: BSD-2-Clause
# about     a sum of pointers is no pointer
# expect    refuse pointer_arith at bad
bad:    lea rax, [rdi+rdx]
        ret
