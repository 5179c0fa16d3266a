# SPDX-License-Identifier: BSD-2-Clause
# about     an index that grows by one on one way
# contract  actions=2
# expect    accept
        mov r8, qword ptr [rdx+16]
        xor ecx, ecx
        cmp rsi, 9
        jb skip
        mov word ptr [r8+rcx*2], 7
        inc ecx
skip:   mov word ptr [r8+rcx*2], 9
        inc ecx
        mov dword ptr [r8+128], ecx
        xor eax, eax
        ret
