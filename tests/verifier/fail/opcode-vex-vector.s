# SPDX-License-Identifier: BSD-2-Clause
# about     a vector form
# expect    refuse opcode at bad
bad:    vpaddd ymm0, ymm1, ymm2
        xor eax, eax
        ret
