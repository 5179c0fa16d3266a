# SPDX-License-Identifier: BSD-2-Clause
# about     leave
# expect    refuse opcode at bad
bad:    leave
        xor eax, eax
        ret
