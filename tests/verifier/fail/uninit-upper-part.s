# SPDX-License-Identifier: BSD-2-Clause
# about     setcc writes one byte, four are read
# expect    refuse uninit_read at bad
        cmp rsi, 4
        sete cl
bad:    mov eax, ecx
        ret
