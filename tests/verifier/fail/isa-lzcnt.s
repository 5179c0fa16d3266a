# SPDX-License-Identifier: BSD-2-Clause
# about     lzcnt is not declared
# expect    refuse isa at bad
        mov ecx, esi
bad:    lzcnt eax, ecx
        ret
