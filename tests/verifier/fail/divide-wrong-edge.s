# SPDX-License-Identifier: BSD-2-Clause
# about     the edge on which it is zero
# expect    refuse divisor at bad
        mov eax, esi
        movzx ecx, sil
        test ecx, ecx
        jne out
        xor edx, edx
bad:    div ecx
        ret
out:    xor eax, eax
        ret
