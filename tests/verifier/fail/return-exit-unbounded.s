# SPDX-License-Identifier: BSD-2-Clause
# about     an exit id from the packet
# contract  exits=4
# expect    refuse return_value at bad
        cmp rsi, 4
        jb out
        mov eax, dword ptr [rdi]
bad:    ret
out:    xor eax, eax
        ret
