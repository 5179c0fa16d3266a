# SPDX-License-Identifier: BSD-2-Clause
# about     syscall
# expect    refuse system at bad
bad:    syscall
        ret
