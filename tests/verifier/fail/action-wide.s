# SPDX-License-Identifier: BSD-2-Clause
# about     8 bytes over ids
# contract  actions=64
# expect    refuse action_id at bad
        mov r8, qword ptr [rdx+16]
bad:    mov qword ptr [r8], rsi
        xor eax, eax
        ret
