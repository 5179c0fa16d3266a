# SPDX-License-Identifier: BSD-2-Clause
# about     mark is not declared
# contract  fields=wire_len
# expect    refuse ctx_field at bad
bad:    mov eax, dword ptr [rdx+184]
        ret
