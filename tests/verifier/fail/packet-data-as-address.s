# SPDX-License-Identifier: BSD-2-Clause
# about     a packet must not say where to read
# expect    refuse not_pointer at bad
        cmp rsi, 8
        jb out
        mov rax, qword ptr [rdi]
bad:    mov eax, dword ptr [rax]
        ret
out:    xor eax, eax
        ret
