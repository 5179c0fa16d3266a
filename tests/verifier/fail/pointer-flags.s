# SPDX-License-Identifier: BSD-2-Clause
# about     so do the flags of a pointer that moved
# expect    refuse uninit_flags at bad
        add rdi, 1
bad:    jp out
        mov eax, 1
        ret
out:    xor eax, eax
        ret
