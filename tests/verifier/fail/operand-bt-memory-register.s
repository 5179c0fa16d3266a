# SPDX-License-Identifier: BSD-2-Clause
# about     bt moves its address by the register
# contract  max_len=65535
# expect    refuse operand at bad
        cmp rsi, 4
        jb out
bad:    bt dword ptr [rdi], esi
        setc al
        movzx eax, al
        ret
out:    xor eax, eax
        ret
