# SPDX-License-Identifier: BSD-2-Clause
# about     a loop
# expect    refuse backward at bad
        xor eax, eax
top:    nop
bad:    jmp top
