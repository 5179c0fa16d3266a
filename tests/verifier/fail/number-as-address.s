# SPDX-License-Identifier: BSD-2-Clause
# about     a number is no address
# expect    refuse not_pointer at bad
bad:    mov eax, dword ptr [rsi]
        ret
