# SPDX-License-Identifier: BSD-2-Clause
# A daemon that lies, one lie at a time; guest.sh looks at the kernel's log afterwards.
check "the module loads" load mode=on
/ipjit/bin/hostile 1 2000 || failed=$((failed + 1))
check "the module unloads" unload
