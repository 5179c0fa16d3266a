# SPDX-License-Identifier: BSD-2-Clause
# about     bextr's control has two bytes
# contract  isa=bmi1
# expect    refuse uninit_read at bad
        mov cl, 3
bad:    bextr eax, esi, ecx
        ret
