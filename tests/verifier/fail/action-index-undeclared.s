# SPDX-License-Identifier: BSD-2-Clause
# about     index 2 of 2 declared
# contract  actions=2
# expect    refuse action_id at bad
        mov r8, qword ptr [rdx+16]
bad:    mov word ptr [r8+4], 1
        xor eax, eax
        ret
