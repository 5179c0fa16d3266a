# SPDX-License-Identifier: BSD-2-Clause
# about     stosb
# expect    refuse opcode at bad
bad:    stosb
        xor eax, eax
        ret
