# SPDX-License-Identifier: BSD-2-Clause
# about     8-bit division leaves its remainder in ah
# expect    refuse operand at bad
        xor edx, edx
        mov eax, 7
        mov ecx, 3
bad:    div cl
        ret
