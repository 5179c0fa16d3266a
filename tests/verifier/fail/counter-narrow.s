# SPDX-License-Identifier: BSD-2-Clause
# about     a 32-bit increment
# contract  counters=2
# expect    refuse counter at bad
        mov r8, qword ptr [rdx+24]
bad:    inc dword ptr [r8]
        xor eax, eax
        ret
