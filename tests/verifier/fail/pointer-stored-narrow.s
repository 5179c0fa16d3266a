# SPDX-License-Identifier: BSD-2-Clause
# about     half of a pointer into the frame
# contract  stack=8
# expect    refuse pointer_arith at bad
        sub rsp, 8
bad:    mov dword ptr [rsp], edi
        add rsp, 8
        xor eax, eax
        ret
