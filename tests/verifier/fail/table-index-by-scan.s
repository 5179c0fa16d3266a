# SPDX-License-Identifier: BSD-2-Clause
# about     a mispredicted bsf of zero leaves its destination as it was, all 64 bits of it
# contract  tables=unit:256@t
# expect    refuse table_index at bad
        cmp rsi, 16
        jb out
        mov rax, qword ptr [rdi]
        mov ecx, dword ptr [rdi+8]
        test ecx, ecx
        je out
        bsf eax, ecx
        shr rax, 24
        lea r8, [rip+t]
bad:    movzx eax, byte ptr [r8+rax]
        ret
out:    xor eax, eax
        ret
        int3
        .balign 64, 0xcc
t:      .zero 256
