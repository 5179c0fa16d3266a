# SPDX-License-Identifier: BSD-2-Clause
# about     rbp as frame pointer
# contract  stack=16
# expect    accept
        push rbp
        mov rbp, rsp
        sub rsp, 16
        mov qword ptr [rbp-8], rsi
        mov rax, qword ptr [rbp-8]
        mov eax, eax
        mov rsp, rbp
        pop rbp
        ret
