# SPDX-License-Identifier: BSD-2-Clause
# about     jbe instead of jb the other way round: len >= 13 is known
# expect    refuse packet_bounds at bad
        cmp rsi, 13
        jb out
bad:    movzx eax, byte ptr [rdi+13]
        ret
out:    xor eax, eax
        ret
