# SPDX-License-Identifier: BSD-2-Clause
# about     32-bit addresses
# expect    refuse prefix at bad
        cmp rsi, 4
        jb out
bad:    mov eax, dword ptr [edi]
        ret
out:    xor eax, eax
        ret
