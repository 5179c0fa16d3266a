# SPDX-License-Identifier: BSD-2-Clause
# about     andn is not declared
# contract  isa=bmi2
# expect    refuse isa at bad
        mov ecx, esi
bad:    andn eax, ecx, ecx
        ret
