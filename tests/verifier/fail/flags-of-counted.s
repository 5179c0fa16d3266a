# SPDX-License-Identifier: BSD-2-Clause
# about     the same where only the carry could be the counter's
# contract  counters=1
# expect    refuse uninit_flags at bad
        cmp rsi, 4
        mov r8, qword ptr [rdx+24]
        inc qword ptr [r8]
bad:    setc al
        movzx eax, al
        ret
