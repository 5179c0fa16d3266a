# SPDX-License-Identifier: BSD-2-Clause
# about     half of a pointer could leave as the verdict
# expect    refuse pointer_arith at bad
bad:    mov eax, edi
        ret
