# SPDX-License-Identifier: BSD-2-Clause
# about     a divisor that was tested
# expect    accept
        cmp rsi, 8
        jb out
        mov eax, dword ptr [rdi]
        mov ecx, dword ptr [rdi+4]
        test ecx, ecx
        je out
        xor edx, edx
        div ecx
        mov eax, edx
        ret
out:    xor eax, eax
        ret
