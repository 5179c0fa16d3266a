# SPDX-License-Identifier: BSD-2-Clause
# about     nops of every length, and endbr64
# expect    accept
        endbr64
        nop
        .byte 0x66, 0x90
        nop dword ptr [rax]
        nop word ptr [rax+rax*1+0x100]
        xor eax, eax
        ret
        nop
        int3
