# SPDX-License-Identifier: BSD-2-Clause
# about     below rsp a signal handler writes
# contract  stack=16
# expect    refuse stack_slot at bad
bad:    mov qword ptr [rsp-8], rsi
        xor eax, eax
        ret
