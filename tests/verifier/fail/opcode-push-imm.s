# SPDX-License-Identifier: BSD-2-Clause
# about     push of an immediate
# expect    refuse opcode at bad
bad:    push 1
        xor eax, eax
        ret
