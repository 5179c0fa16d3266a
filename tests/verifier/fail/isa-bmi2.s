# SPDX-License-Identifier: BSD-2-Clause
# about     shlx is not declared
# contract  isa=bmi1
# expect    refuse isa at bad
        mov ecx, esi
bad:    shlx eax, ecx, ecx
        ret
