# SPDX-License-Identifier: BSD-2-Clause
# about     a branch bounds the index; a mispredicted one does not
# contract  tables=unit:64@t
# expect    refuse table_index at bad
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        cmp eax, 16
        jae out
        lea rcx, [rip+t]
bad:    mov eax, dword ptr [rcx+rax*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
