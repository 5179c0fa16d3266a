# SPDX-License-Identifier: BSD-2-Clause
# about     bzhi's source counts as a whole, its control in one byte
# contract  isa=bmi2
# expect    refuse uninit_read at bad
        mov cl, 3
        mov al, 1
bad:    bzhi eax, eax, ecx
        ret
