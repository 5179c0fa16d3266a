# SPDX-License-Identifier: BSD-2-Clause
# about     count 3 of 2 declared
# contract  actions=2
# expect    refuse action_count at bad
        mov r8, qword ptr [rdx+16]
bad:    mov dword ptr [r8+128], 3
        xor eax, eax
        ret
