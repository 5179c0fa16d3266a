# SPDX-License-Identifier: BSD-2-Clause
# about     ah
# expect    refuse high_byte at bad
        mov eax, esi
bad:    movzx eax, ah
        ret
