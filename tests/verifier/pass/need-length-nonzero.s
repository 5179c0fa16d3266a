# SPDX-License-Identifier: BSD-2-Clause
# about     one byte, by test
# expect    accept
        test rsi, rsi
        je out
        movzx eax, byte ptr [rdi]
        ret
out:    xor eax, eax
        ret
