# SPDX-License-Identifier: BSD-2-Clause
# about     only one of two ways restores r12
# expect    refuse callee_saved at bad
        push r12
        xor eax, eax
        mov r12d, 1
        cmp rsi, 4
        jb skip
        mov r12, qword ptr [rsp]
skip:   add rsp, 8
bad:    ret
