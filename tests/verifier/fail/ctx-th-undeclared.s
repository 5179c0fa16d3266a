# SPDX-License-Identifier: BSD-2-Clause
# about     th is not declared
# expect    refuse ctx_field at bad
bad:    mov rax, qword ptr [rdx]
        ret
