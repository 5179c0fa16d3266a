# SPDX-License-Identifier: BSD-2-Clause
# about     a shift of 64 bits by 32 sets flags
# contract
# expect    accept
        shr rsi, 32
        sete al
        movzx eax, al
        ret
