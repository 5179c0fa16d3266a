# SPDX-License-Identifier: BSD-2-Clause
# about     rax was never set
# expect    refuse uninit_read at bad
bad:    ret
