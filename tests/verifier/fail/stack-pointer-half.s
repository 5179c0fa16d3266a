# SPDX-License-Identifier: BSD-2-Clause
# about     esp is not rsp
# expect    refuse pointer_arith at bad
bad:    sub esp, 8
        xor eax, eax
        ret
