# SPDX-License-Identifier: BSD-2-Clause
# about     inc and dec leave the carry: here the caller's
# expect    refuse uninit_flags at bad
        mov eax, 0
        inc eax
bad:    setc al
        movzx eax, al
        ret
