# SPDX-License-Identifier: BSD-2-Clause
# about     two ids and their count
# contract  actions=2
# expect    accept
        mov r8, qword ptr [rdx+16]
        mov word ptr [r8], 7
        mov word ptr [r8+2], 9
        mov dword ptr [r8+128], 2
        xor eax, eax
        ret
