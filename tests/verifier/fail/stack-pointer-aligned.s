# SPDX-License-Identifier: BSD-2-Clause
# about     aligning rsp makes it unknown
# expect    refuse pointer_arith at bad
bad:    and rsp, -16
        xor eax, eax
        ret
