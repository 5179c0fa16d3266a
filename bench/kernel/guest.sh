#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What scripts/vm-bench runs in the machine.  Leaves /tmp/kernel.json.
set -e
insmod /ipjit_bench.ko
mkdir -p /run/ipjit

# daemon [OPTION...]: in place of the one before
cat >/tmp/daemon.sh <<'END'
stop_daemon() {
  [ -e /tmp/ipjitd.pid ] || return 0
  kill "$(cat /tmp/ipjitd.pid)" 2>/dev/null
  while kill -0 "$(cat /tmp/ipjitd.pid)" 2>/dev/null; do sleep 0.1; done
  rm /tmp/ipjitd.pid
}
daemon() {
  stop_daemon
  ipjitd --foreground "$@" 2>>/tmp/ipjitd.log &
  echo $! >/tmp/ipjitd.pid
}
END
. /tmp/daemon.sh

# Filters that the module finds attached when it loads, under the kernel's code first, then ours;
# a, which asks nothing of a packet, stays with the kernel.
cat >/tmp/tier1.sh <<'END'
. /tmp/daemon.sh
insmod /ipjit/ipjit.ko mode=on
daemon --no-tier2
kernel_state wait 1 8 60 || exit 1
kernel_state info verify_cycles >/tmp/cycles
kernel_state info verify_bytes >/tmp/bytes
END

# Another daemon goes on to tier 2, from the packets that are sampled while filters are kept busy.
# Not for each filter it pays, so after so many tries that is that.  The cost model alone decides: a
# race would refuse whatever has more instructions, because they are time here.  Then the daemon
# ends: while it is measured nothing is exchanged but by a retreat, and who is at tier 2 afterwards
# was so before.
cat >/tmp/tier2.sh <<'END'
. /tmp/daemon.sh
tries=$(cat /tmp/tries 2>/dev/null || echo 0)
[ "$tries" -gt 0 ] || daemon --tier2-percent 100 --no-race
echo $((tries + 1)) >/tmp/tries
sleep 0.5
[ "$(kernel_state | grep -c ' tier=2 ')" -ge 8 ] || [ "$tries" -ge 30 ] || exit 1
stop_daemon
END
cat >/tmp/tiers.sh <<'END'
kernel_state | sed -n 's/.* insns=\([0-9]*\) .* tier=\([0-9]*\) .*/"\1": \2,/p' >/tmp/tiers
END
filter_cost --out /tmp/filters.json --then 'sh /tmp/tiers.sh' kernel=true 'tier1=sh /tmp/tier1.sh' \
  'tier2~=sh /tmp/tier2.sh' || { cat /tmp/ipjitd.log >&2; exit 1; }
tiers=$(cat /tmp/tiers)

sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
daemon --no-tier2
sleep 1
attach=$(attach_cost v0 v1 5)
echo "{\"kernel\": \"$(uname -r)\", \"verify_cycles\": $(cat /tmp/cycles), \"verify_bytes\": $(cat /tmp/bytes)," \
  "\"attach\": $attach, \"tiers\": {${tiers%,}}, \"filters\": $(cat /tmp/filters.json)}" >/tmp/kernel.json
