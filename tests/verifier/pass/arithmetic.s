# SPDX-License-Identifier: BSD-2-Clause
# about     the plain instructions
# expect    accept
        mov eax, esi
        mov ecx, 3
        add eax, ecx
        adc eax, 1
        sub eax, 4
        sbb eax, 1
        neg eax
        not eax
        imul eax, ecx
        imul eax, eax, 100
        mul ecx
        rol eax, 3
        ror eax, cl
        shl eax, cl
        shr eax, 1
        sar eax, 2
        bswap eax
        xor eax, ecx
        or eax, ecx
        and eax, 0xff
        dec eax
        inc eax
        movsx eax, al
        movsxd rdx, eax
        cmove eax, ecx
        ret
