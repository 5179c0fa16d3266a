# SPDX-License-Identifier: BSD-2-Clause
# vm: --icount
# From attach to tier 1 at 10,000 packets a second.  Time is instructions here, so that it does not
# matter who else uses the host: a thousand million of them are a second, on one processor, which the
# sender and tcpdump use as well.

need tcpdump kernel_state packets ipjitd
veth
load mode=on
chgrp user /dev/ipjit && chmod 660 /dev/ipjit
ipjitd --foreground --user user --no-tier2 --status - 2>/run/ipjitd.log &
daemon=$!
soon 60 grep -q serving /run/ipjitd.log || not_ok "ipjitd serves"

# Whatever runs first is read from the disk first.
tcpdump -Z root -i v0 -c 1 -w /run/x.pcap 'udp port 7' 2>/dev/null &
sleep 1
kill $!

packets 192.0.2.2 9 10000 2 >/run/sent &
sleep 0.2
tcpdump -Z root -i v0 -w /run/y.pcap 'udp port 9 and dst host 192.0.2.2' 2>/dev/null &
capture=$!
sleep 2.5
said=$(kernel_state | grep ' tier=1 ' | tail -1)
first=$(echo "$said" | tr ' ' '\n' | sed -n 's/^first_native=//p')
packets=$(echo "$said" | tr ' ' '\n' | sed -n 's/^packets=//p')
check "the filter has seen packets ($packets)" test "${packets:-0}" -gt 1000
check "tier 1 before the 100th of them (after $first)" test "${first:-1000}" -lt 100
kill $capture $daemon
wait $capture $daemon
check "the module can be unloaded" soon 60 unload
