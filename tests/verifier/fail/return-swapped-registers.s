# SPDX-License-Identifier: BSD-2-Clause
# about     popped in the wrong order
# expect    refuse callee_saved at bad
        push rbx
        push rbp
        xor eax, eax
        pop rbx
        pop rbp
bad:    ret
