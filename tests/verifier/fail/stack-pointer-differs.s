# SPDX-License-Identifier: BSD-2-Clause
# about     two ways meet with different rsp
# expect    refuse stack_pointer at bad
        cmp rsi, 9
        jb meet
        push rbx
        nop
bad:
meet:   xor eax, eax
        ret
