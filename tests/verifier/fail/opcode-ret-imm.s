# SPDX-License-Identifier: BSD-2-Clause
# about     ret that pops
# expect    refuse opcode at bad
        xor eax, eax
bad:    ret 8
