# SPDX-License-Identifier: BSD-2-Clause
# about     rcx is the caller's
# expect    refuse uninit_read at bad
bad:    mov eax, ecx
        ret
