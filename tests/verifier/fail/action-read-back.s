# SPDX-License-Identifier: BSD-2-Clause
# about     the list is not initialised
# contract  actions=64
# expect    refuse write_only at bad
        mov r8, qword ptr [rdx+16]
bad:    mov eax, dword ptr [r8+128]
        ret
