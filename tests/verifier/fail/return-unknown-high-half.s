# SPDX-License-Identifier: BSD-2-Clause
# about     64 bits of packet
# expect    refuse return_value at bad
        cmp rsi, 8
        jb out
        mov rax, qword ptr [rdi]
bad:    ret
out:    xor eax, eax
        ret
