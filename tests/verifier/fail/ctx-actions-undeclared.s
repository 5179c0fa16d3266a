# SPDX-License-Identifier: BSD-2-Clause
# about     actions are not declared
# expect    refuse ctx_field at bad
bad:    mov rax, qword ptr [rdx+16]
        ret
