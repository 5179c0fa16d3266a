# SPDX-License-Identifier: BSD-2-Clause
# about     code behind ret that nothing reaches
# expect    refuse unreachable at bad
        xor eax, eax
        ret
bad:    mov eax, 1
        ret
