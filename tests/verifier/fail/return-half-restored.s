# SPDX-License-Identifier: BSD-2-Clause
# about     32 bits of rbp
# expect    refuse callee_saved at bad
        push rbp
        xor eax, eax
        xor ebp, ebp
        add rsp, 8
bad:    ret
