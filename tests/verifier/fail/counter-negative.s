# SPDX-License-Identifier: BSD-2-Clause
# about     before the block
# contract  counters=2
# expect    refuse counter at bad
        mov r8, qword ptr [rdx+24]
bad:    inc qword ptr [r8-8]
        xor eax, eax
        ret
