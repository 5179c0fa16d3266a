# SPDX-License-Identifier: BSD-2-Clause
# about     a variable offset without a check of its own
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        movzx eax, byte ptr [rdi+14]
bad:    movzx eax, byte ptr [rdi+rax]
        ret
out:    xor eax, eax
        ret
