# SPDX-License-Identifier: BSD-2-Clause
# A daemon that lies, one lie at a time; guest.sh looks at the kernel's log afterwards.
# So few samples that none finds a wrong verdict, which would end what its filter takes.
check "the module loads" load mode=on sample_shift=20
/ipjit/bin/hostile 1 2000 || failed=$((failed + 1))
check "the module unloads" unload
