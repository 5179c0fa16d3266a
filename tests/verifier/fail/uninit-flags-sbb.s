# SPDX-License-Identifier: BSD-2-Clause
# about     sbb r,r of the caller's carry
# expect    refuse uninit_flags at bad
bad:    sbb eax, eax
        ret
