# SPDX-License-Identifier: BSD-2-Clause
# about     a frame whose size is data
# expect    refuse stack_pointer at bad
        movzx eax, sil
bad:    add rsp, rax
        xor eax, eax
        ret
