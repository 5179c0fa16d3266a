# SPDX-License-Identifier: BSD-2-Clause
# about     th_len compared where it lies
# contract  th
# expect    accept
        cmp qword ptr [rdx+8], 4
        jb out
        mov eax, 1
        ret
out:    xor eax, eax
        ret
