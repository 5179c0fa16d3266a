# SPDX-License-Identifier: BSD-2-Clause
# about     lock
# contract  counters=1
# expect    refuse prefix at bad
        mov r8, qword ptr [rdx+24]
bad:    lock inc qword ptr [r8]
        xor eax, eax
        ret
