# SPDX-License-Identifier: BSD-2-Clause
# about     an address without a register
# expect    refuse operand at bad
bad:    mov eax, dword ptr ds:[0x1000]
        ret
