# SPDX-License-Identifier: BSD-2-Clause
# by hand
# The way to tier 2 with what is shipped: one packet of 1,024 is sampled, five hundredths of a processor
# are the daemon's.  Says after how many packets and how long it was there:
#
#   tests/kernel/run.py build --timeout 1800 -- tier2_defaults
need tcpdump kernel_state packets ipjitd
veth
load mode=on
equal "one packet of 1,024 is sampled" "$(kernel_state info sample_shift)" 10
chgrp user /dev/ipjit && chmod 660 /dev/ipjit
ipjitd --foreground --user user --status /tmp/ipjit.json 2>/run/ipjitd.log &
daemon=$!
soon 60 grep -q serving /run/ipjitd.log || not_ok "ipjitd serves"
packets 192.0.2.2 9 100000 1700 >/run/sent &
sender=$!
filter='udp port 9'
for at in 8 12 16 20 24 28 32 36 40 44 48 52; do filter="$filter and udp[$at:4] = 0"; done
begun=$(cut -d. -f1 /proc/uptime)
tcpdump -Z root -i v0 -w /dev/null "$filter" 2>/run/tcpdump.log &
capture=$!
at_tier() { kernel_state | grep -q " tier=$1 "; }
number() { kernel_state | tr ' ' '\n' | sed -n "s/^$1=//p" | sort -n | tail -1; }
check "tier 1" soon 60 at_tier 1
check "tier 2" soon 1500 at_tier 2
echo "tier 2 after $(($(cut -d. -f1 /proc/uptime) - begun)) s, $(number packets) packets, $(number sampled) samples"
at_tier 2 || sed -n '/"filters"/,$p' /tmp/ipjit.json
equal "no verdict differs" "$(kernel_state sum differences)" 0
kill $capture $sender $daemon
wait $capture $sender $daemon
check "the module can be unloaded" soon 60 unload
