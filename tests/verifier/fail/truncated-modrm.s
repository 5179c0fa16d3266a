# SPDX-License-Identifier: BSD-2-Clause
# about     no ModRM byte
# expect    refuse truncated at bad
        xor eax, eax
bad:    .byte 0x8b
