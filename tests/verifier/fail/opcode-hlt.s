# SPDX-License-Identifier: BSD-2-Clause
# about     hlt
# expect    refuse system at bad
bad:    hlt
        ret
