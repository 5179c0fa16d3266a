# SPDX-License-Identifier: BSD-2-Clause
# about     the VEX forms
# contract  isa=bmi1,bmi2,popcnt,lzcnt
# expect    accept
        mov ecx, esi
        mov r8d, 5
        andn eax, ecx, r8d
        bextr eax, eax, r8d
        blsr eax, eax
        blsi r9d, eax
        blsmsk r9d, r9d
        bzhi eax, eax, r8d
        shlx eax, eax, r8d
        shrx eax, eax, ecx
        sarx eax, eax, ecx
        rorx eax, eax, 3
        popcnt eax, eax
        lzcnt eax, eax
        tzcnt eax, eax
        ret
