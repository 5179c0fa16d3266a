# SPDX-License-Identifier: BSD-2-Clause
# about     a masked index
# contract  tables=unit:64@t
# expect    accept
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        and eax, 15
        lea rcx, [rip+t]
        mov eax, dword ptr [rcx+rax*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
