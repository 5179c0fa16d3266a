# SPDX-License-Identifier: BSD-2-Clause
# about     bsf of zero keeps an old value
# expect    refuse scan_zero at bad
        mov ecx, esi
bad:    bsf eax, ecx
        ret
