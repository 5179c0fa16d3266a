# SPDX-License-Identifier: BSD-2-Clause
# about     the branch excludes a wrap that a guess does not
# contract  tables=unit:64@t
# expect    refuse table_index at bad
        cmp rsi, 4
        jb out
        movzx eax, byte ptr [rdi]
        and eax, 15
        cmp eax, 4
        jb out
        sub eax, 4
        lea rcx, [rip+t]
bad:    mov eax, dword ptr [rcx+rax*4]
        ret
out:    xor eax, eax
        ret

        int3
        .balign 64, 0xcc
t:      .zero 64
