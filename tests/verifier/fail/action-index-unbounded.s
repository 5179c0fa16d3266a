# SPDX-License-Identifier: BSD-2-Clause
# about     the index comes from the packet
# contract  actions=64
# expect    refuse action_id at bad
        mov r8, qword ptr [rdx+16]
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
bad:    mov word ptr [r8+rax*2], 1
        ret
out:    xor eax, eax
        ret
