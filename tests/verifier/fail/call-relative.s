# SPDX-License-Identifier: BSD-2-Clause
# about     a call
# expect    refuse call at bad
bad:    call bad
        ret
