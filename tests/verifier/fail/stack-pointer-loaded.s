# SPDX-License-Identifier: BSD-2-Clause
# about     rsp from a register
# expect    refuse stack_pointer at bad
bad:    mov rsp, rdi
        xor eax, eax
        ret
