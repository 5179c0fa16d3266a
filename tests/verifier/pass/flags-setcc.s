# SPDX-License-Identifier: BSD-2-Clause
# about     setcc, movzx
# expect    accept
        cmp rsi, 4
        seta al
        movzx eax, al
        ret
