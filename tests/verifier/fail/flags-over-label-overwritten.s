# SPDX-License-Identifier: BSD-2-Clause
# about     the register was compared before it became something else
# contract
# expect    refuse packet_bounds at bad
        need_len = 16
        mov rax, rsi
        cmp rax, need_len
        jae more
        xor eax, eax
        cmp eax, 0
        jmp more
more:   ja longer
        mov eax, 1
        ret
longer: nop
bad:    movzx eax, byte ptr [rdi+16]
        ret
