# SPDX-License-Identifier: BSD-2-Clause
# about     th_len >= 2 is known, the load reads byte 3
# contract  th
# expect    refuse packet_bounds at bad
        mov r8, qword ptr [rdx]
        mov r9, qword ptr [rdx+8]
        cmp r9, 2
        jb out
bad:    movzx eax, word ptr [r8+1]
        ret
out:    xor eax, eax
        ret
