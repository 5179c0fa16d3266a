# SPDX-License-Identifier: BSD-2-Clause
# about     a reload may be served with an older content of the slot, packet bytes: ret reads there
# contract  stack=16
# expect    refuse stack_pointer at bad
        cmp rsi, 16
        jb out
        mov rax, qword ptr [rdi]
        sub rsp, 16
        mov qword ptr [rsp], rax
        lea rcx, [rsp+16]
        mov qword ptr [rsp], rcx
bad:    mov rsp, qword ptr [rsp]
        xor eax, eax
        ret
out:    xor eax, eax
        ret
