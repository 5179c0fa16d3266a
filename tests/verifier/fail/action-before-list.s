# SPDX-License-Identifier: BSD-2-Clause
# about     before the list
# contract  actions=64
# expect    refuse action_id at bad
        mov r8, qword ptr [rdx+16]
bad:    mov word ptr [r8-2], 1
        xor eax, eax
        ret
