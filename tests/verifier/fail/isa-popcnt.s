# SPDX-License-Identifier: BSD-2-Clause
# about     popcnt is not declared
# expect    refuse isa at bad
        mov ecx, esi
bad:    popcnt eax, ecx
        ret
