# SPDX-License-Identifier: BSD-2-Clause
# about     int 0x80
# expect    refuse system at bad
bad:    int 0x80
        ret
