# SPDX-License-Identifier: BSD-2-Clause
# about     the target is data
# expect    refuse indirect at bad
bad:    jmp rdi
