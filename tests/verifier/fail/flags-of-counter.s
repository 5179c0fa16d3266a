# SPDX-License-Identifier: BSD-2-Clause
# about     a counter is written only, and what an add leaves in the flags tells its value
# contract  counters=1
# expect    refuse uninit_flags at bad
        mov r8, qword ptr [rdx+24]
        mov rax, 0
        add qword ptr [r8], rax
bad:    sete al
        movzx eax, al
        ret
