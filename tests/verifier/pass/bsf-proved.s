# SPDX-License-Identifier: BSD-2-Clause
# about     bsf of a number that was tested
# expect    accept
        mov ecx, esi
        test ecx, ecx
        je out
        bsf eax, ecx
        ret
out:    xor eax, eax
        ret
