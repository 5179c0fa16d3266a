# SPDX-License-Identifier: BSD-2-Clause
# Random calls to the device; guest.sh looks at the kernel's log afterwards.  IOCTL_FUZZ is "SEED SECONDS".
check "the module loads" load mode=on
# shellcheck disable=SC2086
/ipjit/bin/ioctl_fuzz ${IOCTL_FUZZ:-1 20} || failed=$((failed + 1))
check "the module unloads" unload
