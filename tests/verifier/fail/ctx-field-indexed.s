# SPDX-License-Identifier: BSD-2-Clause
# about     the place in ctx depends on the packet
# contract  fields=wire_len
# expect    refuse ctx_field at bad
        movzx eax, sil
bad:    mov eax, dword ptr [rdx+rax*4+160]
        ret
