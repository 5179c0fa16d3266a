# SPDX-License-Identifier: BSD-2-Clause
# about     flags are the caller's
# expect    refuse uninit_flags at bad
bad:    je out
        nop
out:    xor eax, eax
        ret
