# SPDX-License-Identifier: BSD-2-Clause
# about     two bytes of one field and two of the next
# contract  fields=wire_len,net_off
# expect    refuse ctx_field at bad
bad:    mov eax, dword ptr [rdx+162]
        ret
