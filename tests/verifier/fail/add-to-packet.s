# SPDX-License-Identifier: BSD-2-Clause
# about     read-modify-write of the packet
# expect    refuse store at bad
        cmp rsi, 4
        jb out
bad:    add dword ptr [rdi], 1
        ret
out:    xor eax, eax
        ret
