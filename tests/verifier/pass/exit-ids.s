# SPDX-License-Identifier: BSD-2-Clause
# about     exit ids below the declared number, by mask
# contract  exits=4
# expect    accept
        mov eax, esi
        and eax, 3
        ret
