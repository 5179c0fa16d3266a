# SPDX-License-Identifier: BSD-2-Clause
# about     14 bytes are checked, the load reads byte 15
# expect    refuse packet_bounds at bad
        cmp rsi, 14
        jb out
bad:    movzx eax, word ptr [rdi+13]
        ret
out:    xor eax, eax
        ret
