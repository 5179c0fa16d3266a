# SPDX-License-Identifier: BSD-2-Clause
# about     spl-class registers under REX
# expect    accept
        movzx eax, sil
        mov dil, al
        movzx eax, dil
        ret
