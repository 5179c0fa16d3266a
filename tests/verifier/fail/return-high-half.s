# SPDX-License-Identifier: BSD-2-Clause
# about     status 3 is none
# expect    refuse return_value at bad
bad0:   mov rax, 0x300000001
bad:    ret
