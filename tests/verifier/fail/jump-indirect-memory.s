# SPDX-License-Identifier: BSD-2-Clause
# about     the target is in memory
# expect    refuse indirect at bad
bad:    jmp qword ptr [rdi]
