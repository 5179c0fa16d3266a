# SPDX-License-Identifier: BSD-2-Clause
# about     a thousand compares to one label
# expect    accept
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
        .set i, 0
        .rept 1000
        cmp eax, 0x1000 + i * 77
        je hit
        .set i, i + 1
        .endr
out:    xor eax, eax
        ret
hit:    mov eax, 1
        ret
