# SPDX-License-Identifier: BSD-2-Clause
# about     tables[1] is not declared
# contract  tables=ctx:64@0
# expect    refuse ctx_field at bad
bad:    mov rax, qword ptr [rdx+40]
        ret
