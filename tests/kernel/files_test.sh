# SPDX-License-Identifier: BSD-2-Clause
# Who may do what through which file of the device.
check "the module loads" load mode=on
/ipjit/bin/files || failed=$((failed + 1))
check "the module unloads" unload
