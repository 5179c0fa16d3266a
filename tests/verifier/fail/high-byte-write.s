# SPDX-License-Identifier: BSD-2-Clause
# about     bh
# expect    refuse high_byte at bad
bad:    mov bh, 1
        xor eax, eax
        ret
