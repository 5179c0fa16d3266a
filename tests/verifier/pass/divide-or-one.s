# SPDX-License-Identifier: BSD-2-Clause
# about     a divisor that is odd by data flow
# expect    accept
        mov eax, esi
        mov ecx, eax
        or ecx, 1
        xor edx, edx
        div ecx
        ret
