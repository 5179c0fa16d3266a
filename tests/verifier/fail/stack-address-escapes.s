# SPDX-License-Identifier: BSD-2-Clause
# about     the address of the frame as the verdict
# expect    refuse return_value at bad
        mov rax, rsp
bad:    ret
