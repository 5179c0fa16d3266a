# SPDX-License-Identifier: BSD-2-Clause
# about     x87
# expect    refuse opcode at bad
bad:    fld1
        xor eax, eax
        ret
