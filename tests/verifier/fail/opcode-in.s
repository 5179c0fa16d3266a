# SPDX-License-Identifier: BSD-2-Clause
# about     port input
# expect    refuse system at bad
bad:    in al, dx
        ret
