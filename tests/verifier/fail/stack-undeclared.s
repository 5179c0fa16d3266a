# SPDX-License-Identifier: BSD-2-Clause
# about     one byte more than declared and saved registers
# expect    refuse stack_depth at bad
bad:    sub rsp, 56
        add rsp, 56
        xor eax, eax
        ret
