# SPDX-License-Identifier: BSD-2-Clause
# about     the length of data says nothing about th
# contract  th
# expect    refuse packet_bounds at bad
        cmp rsi, 20
        jb out
        mov r8, qword ptr [rdx]
bad:    movzx eax, byte ptr [r8]
        ret
out:    xor eax, eax
        ret
