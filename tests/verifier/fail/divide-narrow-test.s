# SPDX-License-Identifier: BSD-2-Clause
# about     only the low byte was tested
# expect    refuse divisor at bad
        cmp rsi, 4
        jb out
        mov ecx, dword ptr [rdi]
        test cx, cx
        je out
        xor ecx, 1
        mov eax, esi
        xor edx, edx
bad:    div ecx
        ret
out:    xor eax, eax
        ret
