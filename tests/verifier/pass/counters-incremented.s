# SPDX-License-Identifier: BSD-2-Clause
# about     inc and add
# contract  counters=3
# expect    accept
        mov r8, qword ptr [rdx+24]
        inc qword ptr [r8+8]
        add qword ptr [r8], rsi
        add qword ptr [r8+16], 1
        xor eax, eax
        ret
