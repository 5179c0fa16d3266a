# SPDX-License-Identifier: BSD-2-Clause
# about     saved registers, slots, an early return with its own epilogue
# contract  stack=24
# expect    accept
        push rbx
        push r12
        sub rsp, 24
        mov qword ptr [rsp+8], rsi
        mov dword ptr [rsp], 5
        mov ebx, dword ptr [rsp]
        mov r12, qword ptr [rsp+8]
        cmp r12, 40
        jae large
        mov eax, ebx
        add rsp, 24
        pop r12
        pop rbx
        ret
        .byte 0xcc, 0xcc, 0xcc, 0xcc
large:  mov eax, 1
        add rsp, 24
        pop r12
        pop rbx
        ret
