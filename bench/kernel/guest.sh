#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What scripts/vm-bench runs in the machine.  Leaves /tmp/kernel.json.
set -e
insmod /ipjit_bench.ko
mkdir -p /run/ipjit

# Filters that the module finds attached when it loads, under the kernel's code first, then ours;
# a, which asks nothing of a packet, stays with the kernel.
cat >/tmp/tier1.sh <<'END'
insmod /ipjit/ipjit.ko mode=on
ipjitd --foreground --no-tier2 2>/tmp/ipjitd.log &
kernel_state wait 1 8 60
END
filter_cost --out /tmp/filters.json kernel=true 'tier1=sh /tmp/tier1.sh' || { cat /tmp/ipjitd.log >&2; exit 1; }
cycles=$(kernel_state info verify_cycles)
bytes=$(kernel_state info verify_bytes)

sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
attach=$(attach_cost v0 v1 5)
echo "{\"kernel\": \"$(uname -r)\", \"verify_cycles\": $cycles, \"verify_bytes\": $bytes, \"attach\": $attach," \
  "\"filters\": $(cat /tmp/filters.json)}" >/tmp/kernel.json
