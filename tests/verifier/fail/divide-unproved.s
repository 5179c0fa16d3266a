# SPDX-License-Identifier: BSD-2-Clause
# about     the divisor may be zero
# expect    refuse divisor at bad
        mov eax, esi
        movzx ecx, sil
        xor edx, edx
bad:    div ecx
        ret
