# SPDX-License-Identifier: BSD-2-Clause
# about     a division leaves all flags undefined
# expect    refuse uninit_flags at bad
        add rdi, 1
        mov eax, 6
        mov edx, 0
        mov ecx, 3
        div ecx
bad:    setc al
        movzx eax, al
        ret
