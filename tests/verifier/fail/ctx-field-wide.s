# SPDX-License-Identifier: BSD-2-Clause
# about     8 bytes are two fields
# contract  fields=wire_len,net_off
# expect    refuse ctx_field at bad
bad:    mov rax, qword ptr [rdx+160]
        ret
