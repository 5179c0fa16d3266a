# SPDX-License-Identifier: BSD-2-Clause
# about     no ret at the end
# expect    refuse runs_off at bad
        nop
bad:    xor eax, eax
