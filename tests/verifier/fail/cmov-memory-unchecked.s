# SPDX-License-Identifier: BSD-2-Clause
# about     cmov loads whether or not its condition holds
# expect    refuse packet_bounds at bad
        mov eax, 1
        cmp rsi, 14
bad:    cmovae eax, dword ptr [rdi]
        ret
