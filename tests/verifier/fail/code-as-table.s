# SPDX-License-Identifier: BSD-2-Clause
# about     code is not data
# expect    refuse table_place at bad
bad:    mov eax, dword ptr [rip+0]
        ret
