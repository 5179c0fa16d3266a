# SPDX-License-Identifier: BSD-2-Clause
# Sweeps over many tasks and sockets, some of which go meanwhile; a code cache with many that wait.
ip link set lo up
check "the module loads" load mode=off
/ipjit/bin/crowd || failed=$((failed + 1))
check "the module unloads" unload
