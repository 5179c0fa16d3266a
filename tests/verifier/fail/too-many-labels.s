# SPDX-License-Identifier: BSD-2-Clause
# about     a thousand labels ahead, each with a large state of its own
# expect    refuse pending
        cmp rsi, 64
        jb out
        mov r8d, dword ptr [rdi+0]
        mov r9d, dword ptr [rdi+4]
        mov r10d, dword ptr [rdi+8]
        mov r11d, dword ptr [rdi+12]
        push rbx
        push rbp
        push r12
        push r13
        push r14
        push r15
        mov ebx, dword ptr [rdi]
        mov ebp, dword ptr [rdi]
        mov r12d, dword ptr [rdi]
        mov r13d, dword ptr [rdi]
        mov r14d, dword ptr [rdi]
        mov r15d, dword ptr [rdi]
        mov ecx, dword ptr [rdi]
        mov edx, dword ptr [rdi]
        xor eax, eax
        cmp rsi, 80
        .set i, 0
        .rept 1000
        ja tail + i
        .set i, i + 1
        .endr
tail:
        .rept 1001
        nop
        .endr
out:    ret
