# SPDX-License-Identifier: BSD-2-Clause
# about     a segment
# expect    refuse prefix at bad
bad:    mov eax, dword ptr fs:[rdi]
        ret
