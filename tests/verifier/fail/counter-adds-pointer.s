# SPDX-License-Identifier: BSD-2-Clause
# about     an address could leave through a counter
# contract  counters=2
# expect    refuse pointer_arith at bad
        mov r8, qword ptr [rdx+24]
bad:    add qword ptr [r8], rdi
        xor eax, eax
        ret
