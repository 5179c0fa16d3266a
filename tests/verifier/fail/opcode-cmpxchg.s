# SPDX-License-Identifier: BSD-2-Clause
# about     cmpxchg
# expect    refuse opcode at bad
bad:    cmpxchg dword ptr [rdi], esi
        xor eax, eax
        ret
