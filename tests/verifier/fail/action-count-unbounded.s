# SPDX-License-Identifier: BSD-2-Clause
# about     a count that the packet chooses
# contract  actions=64
# expect    refuse action_count at bad
        mov r8, qword ptr [rdx+16]
bad:    mov dword ptr [r8+128], esi
        xor eax, eax
        ret
