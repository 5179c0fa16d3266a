# SPDX-License-Identifier: BSD-2-Clause
# about     a pointer as the verdict
# expect    refuse return_value at bad
        mov rax, rdi
bad:    ret
