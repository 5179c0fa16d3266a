# SPDX-License-Identifier: BSD-2-Clause
# about     a pointer times two is no pointer
# expect    refuse pointer_arith at bad
bad:    movzx eax, byte ptr [rsi+rdi*2]
        ret
