# SPDX-License-Identifier: BSD-2-Clause
# about     counters only grow
# contract  counters=2
# expect    refuse counter at bad
        mov r8, qword ptr [rdx+24]
bad:    mov qword ptr [r8], rsi
        xor eax, eax
        ret
