# SPDX-License-Identifier: BSD-2-Clause
# about     a prefix and nothing behind
# expect    refuse truncated at bad
        xor eax, eax
bad:    .byte 0x66
