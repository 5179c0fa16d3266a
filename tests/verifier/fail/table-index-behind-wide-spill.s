# SPDX-License-Identifier: BSD-2-Clause
# about     as table-index-behind-spill, but all 64 bits are shifted, and the upper ones may be guessed
# contract  tables=unit:1024@t stack=16
# expect    refuse table_index at bad
        cmp rsi, 4
        jb out
        sub rsp, 16
        mov eax, dword ptr [rdi]
        mov qword ptr [rsp], rax
        xor eax, eax
        mov rax, qword ptr [rsp]
        shr rax, 24
        lea rcx, [rip+t]
bad:    mov eax, dword ptr [rcx+rax*4]
        add rsp, 16
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 1024
