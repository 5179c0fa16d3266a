# SPDX-License-Identifier: BSD-2-Clause
# about     without BMI1 tzcnt is bsf
# expect    refuse scan_zero at bad
        mov ecx, esi
bad:    tzcnt eax, ecx
        ret
