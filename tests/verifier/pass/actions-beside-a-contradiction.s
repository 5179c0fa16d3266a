# SPDX-License-Identifier: BSD-2-Clause
# about     count and r8 differ by 255 on both ways in, so they are one symbol; that r8 is 1000
#           contradicts data flow: the way is never gone, and does not widen the count where ways meet
# contract  actions=1
# expect    accept
        mov rcx, qword ptr [rdx+16]
        xor r9d, r9d
        mov r8d, 255
        cmp rsi, 60
        jb 1f
        mov word ptr [rcx], 7
        add r9d, 1
        mov r8d, 256
1:      cmp r8, 1000
        je 2f
        xor r8d, r8d
2:      mov dword ptr [rcx+128], r9d
        xor eax, eax
        ret
