# SPDX-License-Identifier: BSD-2-Clause
# about     a counter that the packet chooses
# contract  counters=2
# expect    refuse counter at bad
        mov r8, qword ptr [rdx+24]
        movzx eax, sil
        and eax, 1
bad:    inc qword ptr [r8+rax*8]
        xor eax, eax
        ret
