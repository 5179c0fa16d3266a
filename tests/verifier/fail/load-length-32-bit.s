# SPDX-License-Identifier: BSD-2-Clause
# about     max_len does not fit 32 bits, so comparing esi says nothing
# contract  max_len=0x100000000
# expect    refuse packet_bounds at bad
        cmp esi, 14
        jb out
        mov esi, esi
        lea rax, [rsi-14]
bad:    movzx eax, byte ptr [rdi+rax+13]
        ret
out:    xor eax, eax
        ret
