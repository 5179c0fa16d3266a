# SPDX-License-Identifier: BSD-2-Clause
# about     loads in the other byte order
# contract  isa=movbe
# expect    accept
        cmp rsi, 8
        jb out
        movbe rax, qword ptr [rdi]
        movbe ecx, dword ptr [rdi+4]
        movbe cx, word ptr [rdi+6]
        add eax, ecx
        ret
out:    xor eax, eax
        ret
