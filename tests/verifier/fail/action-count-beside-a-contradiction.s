# SPDX-License-Identifier: BSD-2-Clause
# about     the same with two effects and one place: the count may be 2
# contract  actions=1
# expect    refuse action_count at bad
        mov rcx, qword ptr [rdx+16]
        xor r9d, r9d
        mov r8d, 255
        cmp rsi, 60
        jb 1f
        mov word ptr [rcx], 7
        add r9d, 2
        mov r8d, 257
1:      cmp r8, 1000
        je bad
        xor r8d, r8d
bad:    mov dword ptr [rcx+128], r9d
        xor eax, eax
        ret
