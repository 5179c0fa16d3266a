# SPDX-License-Identifier: BSD-2-Clause
# about     a load that no comparison precedes
# expect    refuse packet_bounds at bad
bad:    movzx eax, byte ptr [rdi]
        ret
