# SPDX-License-Identifier: BSD-2-Clause
# about     idiv has two ways to fault
# expect    refuse opcode at bad
        xor edx, edx
        mov eax, 7
        mov ecx, 3
bad:    idiv ecx
        ret
