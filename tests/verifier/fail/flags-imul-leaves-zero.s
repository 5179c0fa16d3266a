# SPDX-License-Identifier: BSD-2-Clause
# about     a product's ZF, SF and PF are undefined: on some processors what they were before
# expect    refuse uninit_flags at bad
        mov eax, 3
        imul eax, eax, 5
bad:    sete al
        movzx eax, al
        ret
