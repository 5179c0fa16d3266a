# SPDX-License-Identifier: BSD-2-Clause
# about     popping the return address
# expect    refuse stack_pointer at bad
bad:    add rsp, 8
        xor eax, eax
        ret
