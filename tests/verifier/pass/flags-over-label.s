# SPDX-License-Identifier: BSD-2-Clause
# about     one comparison answers two questions, one of them behind a label
# contract
# expect    accept
        cmp rsi, 16
        jae more
        xor eax, eax
        ret
more:   ja longer
        mov eax, 1
        ret
longer: movzx eax, byte ptr [rdi+16]
        ret
