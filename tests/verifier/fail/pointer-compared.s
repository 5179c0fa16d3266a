# SPDX-License-Identifier: BSD-2-Clause
# about     a comparison tells bits of an address
# expect    refuse pointer_arith at bad
bad:    cmp rdi, 9
        jp out
        mov eax, 1
        ret
out:    xor eax, eax
        ret
