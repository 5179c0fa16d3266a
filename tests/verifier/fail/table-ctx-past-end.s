# SPDX-License-Identifier: BSD-2-Clause
# about     a table behind ctx, 8 bytes at 60 of 64
# contract  tables=ctx:64@3
# expect    refuse table_bounds at bad
        mov rcx, qword ptr [rdx+56]
bad:    mov rax, qword ptr [rcx+60]
        mov eax, eax
        ret
