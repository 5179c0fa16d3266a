# SPDX-License-Identifier: BSD-2-Clause
# about     the offset survives a spill for packet loads
# contract  stack=8
# expect    accept
        push rbx
        cmp rsi, 34
        jb out
        movzx eax, byte ptr [rdi+14]
        lea rcx, [rax+18]
        cmp rcx, rsi
        ja out
        sub rsp, 8
        mov qword ptr [rsp], rax
        xor eax, eax
        mov rbx, qword ptr [rsp]
        add rsp, 8
        movzx eax, word ptr [rdi+rbx+16]
        pop rbx
        ret
out:    xor eax, eax
        pop rbx
        ret
