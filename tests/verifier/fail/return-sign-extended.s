# SPDX-License-Identifier: BSD-2-Clause
# about     mov rax, -1 sets the high half
# expect    refuse return_value at bad
        mov rax, -1
bad:    ret
