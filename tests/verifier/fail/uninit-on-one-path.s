# SPDX-License-Identifier: BSD-2-Clause
# about     only one of two ways sets ecx
# expect    refuse uninit_read at bad
        cmp rsi, 9
        jb meet
        mov ecx, 1
meet:   nop
bad:    mov eax, ecx
        ret
