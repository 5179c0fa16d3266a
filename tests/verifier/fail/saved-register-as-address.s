# SPDX-License-Identifier: BSD-2-Clause
# about     what the caller keeps in rbx is not to be followed
# expect    refuse pointer_arith at bad
bad:    mov eax, dword ptr [rbx]
        ret
