# SPDX-License-Identifier: BSD-2-Clause
# about     xchg with memory locks
# expect    refuse opcode at bad
bad:    xchg rsi, qword ptr [rdi]
        xor eax, eax
        ret
