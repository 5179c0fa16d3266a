# SPDX-License-Identifier: BSD-2-Clause
# about     a rotation writes the carry and leaves ZF
# expect    refuse uninit_flags at bad
        mov eax, esi
        rol eax, 3
bad:    sete al
        movzx eax, al
        ret
