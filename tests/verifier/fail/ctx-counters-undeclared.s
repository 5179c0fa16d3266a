# SPDX-License-Identifier: BSD-2-Clause
# about     counters are not declared
# contract  actions=1
# expect    refuse ctx_field at bad
bad:    mov rax, qword ptr [rdx+24]
        ret
