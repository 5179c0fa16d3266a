# SPDX-License-Identifier: BSD-2-Clause
# about     the quotient may not fit
# expect    refuse dividend_high at bad
        cmp rsi, 4
        jb out
        mov edx, dword ptr [rdi]
        mov eax, esi
        mov ecx, 3
bad:    div ecx
        ret
out:    xor eax, eax
        ret
