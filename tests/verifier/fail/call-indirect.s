# SPDX-License-Identifier: BSD-2-Clause
# about     a call of what a register says
# expect    refuse call at bad
bad:    call rax
        ret
