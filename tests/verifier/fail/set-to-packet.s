# SPDX-License-Identifier: BSD-2-Clause
# about     setcc writes memory too
# expect    refuse store at bad
        cmp rsi, 4
bad:    sete byte ptr [rdi]
        ret
