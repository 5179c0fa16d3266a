# SPDX-License-Identifier: BSD-2-Clause
# about     the sum of two different numbers need not be even
# contract  actions=2
# expect    refuse action_id at bad
        mov r8, qword ptr [rdx+16]
        xor ecx, ecx
        xor eax, eax
        cmp rsi, 9
        setb cl
        cmp rsi, 7
        setb al
        add rcx, rax
bad:    mov word ptr [r8+rcx], 7
        xor eax, eax
        mov dword ptr [r8+128], eax
        ret
