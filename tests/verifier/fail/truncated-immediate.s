# SPDX-License-Identifier: BSD-2-Clause
# about     the immediate ends behind the code
# expect    refuse truncated at bad
        xor eax, eax
bad:    .byte 0xb8, 1, 2, 3
