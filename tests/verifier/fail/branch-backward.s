# SPDX-License-Identifier: BSD-2-Clause
# about     a loop with an end
# expect    refuse backward at bad
        mov eax, 5
top:    dec eax
bad:    jne top
        ret
