# SPDX-License-Identifier: BSD-2-Clause
# about     of bzhi's and bextr's control only the low bytes count
# contract  isa=bmi1,bmi2
# expect    accept
        mov cl, 3
        bzhi eax, esi, ecx
        mov cx, 0x0204
        bextr eax, eax, ecx
        ret
