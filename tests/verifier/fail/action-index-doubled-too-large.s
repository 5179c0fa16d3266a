# SPDX-License-Identifier: BSD-2-Clause
# about     twice a number is even and twice as large
# contract  actions=2
# expect    refuse action_id at bad
        mov r8, qword ptr [rdx+16]
        xor ecx, ecx
        cmp rsi, 9
        setb cl
        inc ecx
        add rcx, rcx
bad:    mov word ptr [r8+rcx], 7
        xor eax, eax
        mov dword ptr [r8+128], eax
        ret
