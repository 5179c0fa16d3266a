# SPDX-License-Identifier: BSD-2-Clause
# Whose filter is it: sockets that tell their interface in other ways than Ethernet's do.
ip link set lo up
modprobe -q tun
check "the module loads" load mode=on
interfaces || failed=$((failed + 1))
check "the module unloads" unload
