# SPDX-License-Identifier: BSD-2-Clause
# about     counter 2 of 2
# contract  counters=2
# expect    refuse counter at bad
        mov r8, qword ptr [rdx+24]
bad:    inc qword ptr [r8+16]
        xor eax, eax
        ret
