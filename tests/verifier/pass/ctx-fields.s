# SPDX-License-Identifier: BSD-2-Clause
# about     declared fields, whole and in part
# contract  fields=wire_len,net_off
# expect    accept
        mov eax, dword ptr [rdx+160]
        movzx ecx, byte ptr [rdx+167]
        add eax, ecx
        ret
