# SPDX-License-Identifier: BSD-2-Clause
# about     th has a length of its own
# contract  th
# expect    accept
        mov r8, qword ptr [rdx]
        mov r9, qword ptr [rdx+8]
        cmp r9, 4
        jb out
        mov eax, dword ptr [r8]
        ret
out:    xor eax, eax
        ret
