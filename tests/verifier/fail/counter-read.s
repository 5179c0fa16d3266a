# SPDX-License-Identifier: BSD-2-Clause
# about     counters are not for reading
# contract  counters=2
# expect    refuse write_only at bad
        mov r8, qword ptr [rdx+24]
bad:    mov rax, qword ptr [r8]
        mov eax, eax
        ret
