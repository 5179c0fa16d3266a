# SPDX-License-Identifier: BSD-2-Clause
# about     a reload may be served with an older content of the slot
# contract  stack=8 tables=unit:64@t
# expect    refuse table_index at bad
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        and eax, 15
        sub rsp, 8
        mov qword ptr [rsp], rax
        lea rcx, [rip+t]
        mov rax, qword ptr [rsp]
bad:    mov eax, dword ptr [rcx+rax*4]
        add rsp, 8
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
