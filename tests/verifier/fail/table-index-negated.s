# SPDX-License-Identifier: BSD-2-Clause
# about     as table-index-negated, but of any number: the last index may begin three bytes before the end
# contract  tables=unit:1024@t
# expect    refuse table_bounds at bad
        cmp rsi, 4
        jb out
        movzx eax, byte ptr [rdi]
        neg eax
        shr eax, 22
        lea rcx, [rip+t]
bad:    mov eax, dword ptr [rcx+rax]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 1024
