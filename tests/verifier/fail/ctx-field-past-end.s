# SPDX-License-Identifier: BSD-2-Clause
# about     behind the last field
# contract  fields=ct_state
# expect    refuse ctx_field at bad
bad:    mov eax, dword ptr [rdx+252]
        ret
