# SPDX-License-Identifier: BSD-2-Clause
# about     half of two counters
# contract  counters=2
# expect    refuse counter at bad
        mov r8, qword ptr [rdx+24]
bad:    inc qword ptr [r8+4]
        xor eax, eax
        ret
