# SPDX-License-Identifier: BSD-2-Clause
# about     the smallest loop
# expect    refuse backward at bad
bad:    jmp bad
