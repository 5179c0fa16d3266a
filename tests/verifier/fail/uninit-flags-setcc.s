# SPDX-License-Identifier: BSD-2-Clause
# about     setcc of the caller's flags
# expect    refuse uninit_flags at bad
bad:    sete al
        movzx eax, al
        ret
