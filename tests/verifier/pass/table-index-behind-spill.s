# SPDX-License-Identifier: BSD-2-Clause
# about     what comes back from the stack has 32 bits, whatever it is guessed to be: a shift bounds it
# contract  tables=unit:1024@t stack=16
# expect    accept
        cmp rsi, 4
        jb out
        sub rsp, 16
        mov eax, dword ptr [rdi]
        mov dword ptr [rsp], eax
        xor eax, eax
        mov eax, dword ptr [rsp]
        shr eax, 24
        lea rcx, [rip+t]
        mov eax, dword ptr [rcx+rax*4]
        add rsp, 16
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 1024
