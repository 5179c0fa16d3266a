# SPDX-License-Identifier: BSD-2-Clause
# about     cmov by the caller's flags
# expect    refuse uninit_flags at bad
        mov eax, 1
        mov ecx, 2
bad:    cmove eax, ecx
        ret
