# SPDX-License-Identifier: BSD-2-Clause
# about     the kernel's per-CPU segment
# expect    refuse prefix at bad
bad:    mov rax, qword ptr gs:[rdi]
        ret
