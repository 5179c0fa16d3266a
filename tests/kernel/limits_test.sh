# SPDX-License-Identifier: BSD-2-Clause
# Limits of users, network namespaces and all: who is left to the kernel, who is pushed out, who is not.
ip link set lo up
check "the module loads" load mode=on netns=all
/ipjit/bin/limits || failed=$((failed + 1))
check "the module unloads" unload
