# SPDX-License-Identifier: BSD-2-Clause
# about     the data base is not declared
# contract  nodata
# expect    refuse uninit_read at bad
bad:    movzx eax, byte ptr [rdi]
        ret
