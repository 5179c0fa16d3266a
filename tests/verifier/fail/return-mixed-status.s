# SPDX-License-Identifier: BSD-2-Clause
# about     two ways with different status meet before ret
# contract  resumes=2
# expect    refuse return_value at bad
        mov eax, 1
        cmp rsi, 4
        jb out
        mov rax, 0x200000000
out:    nop
bad:    ret
