# SPDX-License-Identifier: BSD-2-Clause
# about     the low bits of an address are nobody's business
# expect    refuse pointer_arith at bad
bad:    test dil, 7
        je out
        mov eax, 1
        ret
out:    xor eax, eax
        ret
