# SPDX-License-Identifier: BSD-2-Clause
# about     the kernel's vector registers are the user's
# expect    refuse opcode at bad
bad:    movups xmm0, xmmword ptr [rdi]
        xor eax, eax
        ret
