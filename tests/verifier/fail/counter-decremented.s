# SPDX-License-Identifier: BSD-2-Clause
# about     counters only grow, by dec neither
# contract  counters=2
# expect    refuse counter at bad
        mov r8, qword ptr [rdx+24]
bad:    dec qword ptr [r8]
        xor eax, eax
        ret
