# SPDX-License-Identifier: BSD-2-Clause
# about     no resume points are declared
# expect    refuse return_value at bad
        mov rax, 0x200000000
bad:    ret
