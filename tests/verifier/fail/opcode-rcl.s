# SPDX-License-Identifier: BSD-2-Clause
# about     rotate through carry
# expect    refuse opcode at bad
        mov eax, esi
bad:    rcl eax, 1
        ret
