# SPDX-License-Identifier: BSD-2-Clause
# about     the offset is at most 60 and 76 bytes are there
# expect    accept
        cmp rsi, 76
        jb out
        movzx eax, byte ptr [rdi+14]
        and eax, 15
        mov eax, dword ptr [rdi+rax*4+12]
        ret
out:    xor eax, eax
        ret
