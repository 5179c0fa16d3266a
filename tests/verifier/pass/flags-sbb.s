# SPDX-License-Identifier: BSD-2-Clause
# about     sbb r,r spreads the carry
# expect    accept
        cmp rsi, 4
        sbb eax, eax
        ret
