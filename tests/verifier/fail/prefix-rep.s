# SPDX-License-Identifier: BSD-2-Clause
# about     a string instruction
# expect    refuse prefix at bad
bad:    rep movsb
        xor eax, eax
        ret
