# SPDX-License-Identifier: BSD-2-Clause
# about     twice a number is even, also where it is an addition
# contract  actions=2
# expect    accept
        mov r8, qword ptr [rdx+16]
        xor ecx, ecx
        cmp rsi, 9
        setb cl
        add rcx, rcx
        mov word ptr [r8+rcx], 7
        xor eax, eax
        mov dword ptr [r8+128], eax
        ret
