# SPDX-License-Identifier: BSD-2-Clause
# about     time is not an input
# expect    refuse system at bad
bad:    rdtsc
        ret
