# SPDX-License-Identifier: BSD-2-Clause
# about     ctx is read only
# contract  fields=wire_len
# expect    refuse store at bad
bad:    mov dword ptr [rdx+160], 1
        xor eax, eax
        ret
