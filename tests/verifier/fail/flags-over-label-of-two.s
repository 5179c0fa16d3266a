# SPDX-License-Identifier: BSD-2-Clause
# about     two comparisons meet at a label: nobody knows which one the flags are of
# contract
# expect    refuse packet_bounds at bad
        mov eax, 9
        cmp rsi, 16
        jae more
        cmp rax, 3
        jmp more
more:   ja longer
        mov eax, 1
        ret
longer: nop
bad:    movzx eax, byte ptr [rdi+16]
        ret
