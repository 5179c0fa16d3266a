# SPDX-License-Identifier: BSD-2-Clause
# about     ud2
# expect    refuse opcode at bad
bad:    ud2
