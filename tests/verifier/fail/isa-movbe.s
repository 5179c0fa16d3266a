# SPDX-License-Identifier: BSD-2-Clause
# about     movbe is not declared
# expect    refuse isa at bad
        cmp rsi, 4
        jb out
bad:    movbe eax, dword ptr [rdi]
        ret
out:    xor eax, eax
        ret
