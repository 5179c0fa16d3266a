# SPDX-License-Identifier: BSD-2-Clause
# about     resume point 2 of 2
# contract  resumes=2
# expect    refuse return_value at bad
        mov rax, 0x200000002
bad:    ret
