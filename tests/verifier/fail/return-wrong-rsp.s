# SPDX-License-Identifier: BSD-2-Clause
# about     a push too many
# expect    refuse return_stack at bad
        push rbx
        xor eax, eax
bad:    ret
