# SPDX-License-Identifier: BSD-2-Clause
# about     the count is 32 bits
# contract  actions=64
# expect    refuse action_id at bad
        mov r8, qword ptr [rdx+16]
bad:    mov qword ptr [r8+128], 1
        xor eax, eax
        ret
