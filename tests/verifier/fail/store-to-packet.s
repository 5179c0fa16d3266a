# SPDX-License-Identifier: BSD-2-Clause
# about     the packet is read only
# expect    refuse store at bad
        cmp rsi, 4
        jb out
bad:    mov dword ptr [rdi], 1
        ret
out:    xor eax, eax
        ret
