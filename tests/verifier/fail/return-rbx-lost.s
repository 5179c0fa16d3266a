# SPDX-License-Identifier: BSD-2-Clause
# about     rbx is the caller's
# expect    refuse callee_saved at bad
        mov ebx, 1
        mov eax, ebx
bad:    ret
