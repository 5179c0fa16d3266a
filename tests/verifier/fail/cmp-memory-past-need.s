# SPDX-License-Identifier: BSD-2-Clause
# about     the memory operand of a comparison is a load too
# expect    refuse packet_bounds at bad
        cmp rsi, 14
        jb out
bad:    cmp word ptr [rdi+13], 8
        je out
        mov eax, 1
        ret
out:    xor eax, eax
        ret
