# SPDX-License-Identifier: BSD-2-Clause
# about     a resume point and bytes needed
# contract  resumes=2 exits=1
# expect    accept
        cmp rsi, 4
        jb need
        mov rax, 0x200000001
        ret
need:   mov rax, 0x10000000e
        ret
