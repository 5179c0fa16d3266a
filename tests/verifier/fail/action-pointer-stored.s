# SPDX-License-Identifier: BSD-2-Clause
# about     half of an address as an id
# contract  actions=64
# expect    refuse pointer_arith at bad
        mov r8, qword ptr [rdx+16]
bad:    mov word ptr [r8], di
        xor eax, eax
        ret
