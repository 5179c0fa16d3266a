# SPDX-License-Identifier: BSD-2-Clause
# about     the seventh push of a frame without slots
# expect    refuse stack_depth at bad
        push rbx
        push rbp
        push r12
        push r13
        push r14
        push r15
bad:    push rbx
        xor eax, eax
        ret
