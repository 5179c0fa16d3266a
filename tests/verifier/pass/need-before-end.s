# SPDX-License-Identifier: BSD-2-Clause
# about     the last four bytes
# expect    accept
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi+rsi-4]
        ret
out:    xor eax, eax
        ret
