# SPDX-License-Identifier: BSD-2-Clause
# about     exit 4 of 4
# contract  exits=4
# expect    refuse return_value at bad
        mov eax, 4
bad:    ret
