#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The part of `make demo` that runs in the machine: an unmodified tcpdump captures what a filter lets
# through, first under the kernel's own code, then under ours while it goes from tier to tier.  Near the
# end of each capture another tcpdump captures everything, so that scripts/demo_kernel.py can let
# libpcap pick from that what the filter should have let through.
#
# The traffic is datagrams from tests/kernel/packets.cpp.
#
#   demo.sh FILTER      leaves without.pcap, without.all.pcap, with.pcap, with.all.pcap in /tmp/out and
#                       prints "stats TIER LINE" for what `ipjit stats` said, "said NAME WORDS" for
#                       what both tcpdump counted, and "missed TIER WHY" where a tier did not come
filter=$1
mkdir -p /tmp/out /run/ipjit
cd /tmp/out || exit 1
ip netns add peer
ip link add v0 type veth peer name v1 netns peer
ip addr add 192.0.2.1/24 dev v0
ip -n peer addr add 192.0.2.2/24 dev v1
ip link set v0 up
ip -n peer link set v1 up

# soon SECONDS COMMAND: tries until it succeeds
soon() {
  tries=$(($1 * 4))
  shift
  for _ in $(seq $tries); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.25
  done
  return 1
}

begin() {
  tcpdump -n -Z root -U -B 32768 -i v0 -w "$1.pcap" "$filter" 2>"/tmp/$1.log" &
  filtered=$!
  soon 60 grep -q listening "/tmp/$1.log"
  packets 192.0.2.2 9 6000 300 >/dev/null &
  sender=$!
}

# What is compared is little traffic, half of it for the filter, so that no capture loses a packet.
end() {
  kill $sender
  sleep 0.5
  tcpdump -n -Z root -U -B 32768 -i v0 -w "$1.all.pcap" 2>"/tmp/$1.all.log" &
  all=$!
  soon 60 grep -q listening "/tmp/$1.all.log"
  packets 192.0.2.2 9 500 3 >/dev/null &
  packets 192.0.2.2 10 500 3 >/dev/null
  wait $!
  sleep 2
  kill -INT $filtered $all
  wait $filtered $all
  sed "s/^/said $1 the filter's: /" "/tmp/$1.log"
  sed "s/^/said $1 everything's: /" "/tmp/$1.all.log"
}

# reach TIER SECONDS: shows what the filter has come to by then, at least
reach() {
  soon "$2" sh -c "ipjit stats --json | tr -d ' \n' | grep -q '\"tier\":[$1-2]'" ||
    echo "missed $1 after $2 s"
  ipjit stats 2>&1 | sed "s/^/stats $1 /"
}

begin without
end without

insmod /ipjit/ipjit.ko mode=on sample_shift=4 || exit 1
chown user /run/ipjit
chgrp user /dev/ipjit && chmod 660 /dev/ipjit
ipjitd --foreground --user user --tier2-percent 100 2>/tmp/ipjitd.log &
soon 60 grep -q serving /tmp/ipjitd.log || { cat /tmp/ipjitd.log >&2; exit 1; }
begin with
reach 1 60
[ ! -x /ipjit/bin/ipjit-tier2 ] || reach 2 180
end with
