# SPDX-License-Identifier: BSD-2-Clause
# about     not a multiple of 8
# contract  stack=8
# expect    refuse stack_pointer at bad
bad:    sub rsp, 4
        add rsp, 4
        xor eax, eax
        ret
