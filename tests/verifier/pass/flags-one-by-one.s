# SPDX-License-Identifier: BSD-2-Clause
# about     each flag may be asked for that was written, whatever the others are
# contract  counters=1
# expect    accept
        mov r8, qword ptr [rdx+24]
        inc qword ptr [r8]
        mov eax, esi
        bt eax, 3
        setc cl
        inc eax
        sete al
        add al, cl
        movzx eax, al
        ret
