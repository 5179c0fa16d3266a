# SPDX-License-Identifier: BSD-2-Clause
# A list of 1,000 hosts is more than the kernel takes (4,096 instructions), so it never comes to the module:
# an unmodified tcpdump captures live with the module loaded, and libpcap's part is ours under `ipjit exec`.

need tcpdump packets ipjit
listening() { grep -q 'listening on' "$1"; }
alone() { [ -e "/proc/$alone/exe" ]; }
as_many() { [ "$(count /tmp/ours.pcap "$1")" = "$(count /tmp/all.pcap "$1")" ] && [ "$(count /tmp/all.pcap "$2")" -ge 300 ]; }
count() { tcpdump -n -r "$1" "$2" 2>/dev/null | wc -l; }
ours() { # what `ipjit stats` says of tcpdump's filter that a process runs
  ipjit stats --json >/run/stats.json
  tr -d ' \n' </run/stats.json | grep -q '"engine":"tier1"' || { cat /run/stats.json; false; }
}

check "the module is loaded" load mode=on sample_shift=4
mkdir -p /run/ipjit /ipjit/pcap
ln -s /ipjit/bin/libipjit-pcap.so /ipjit/pcap/
hosts=$(for i in $(seq 0 999); do echo "host 127.1.$((i / 250)).$((i % 250 + 1))"; done | paste -sd '|' | sed 's/|/ or /g')
tcpdump -n -Z root -U -i lo -w /tmp/all.pcap 2>/run/all.log &
all=$!
ipjit exec -- tcpdump -n -Z root -U -i lo -w /tmp/ours.pcap "$hosts" 2>/run/ours.log &
dump=$!
# On the same machine at the same time: libpcap's own compiler needs a minute, where a machine is quick.
tcpdump -i lo -d "$hosts" >/dev/null 2>&1 &
alone=$!
check "it is compiled and listens" soon 240 listening /run/ours.log
check "before libpcap alone has compiled it" alone
kill -9 $alone
soon 60 listening /run/all.log
for address in 127.1.0.1 127.1.3.250 127.1.3.251 127.0.0.1; do packets $address 9 300 1 >/dev/null; done
listed='host 127.1.0.1 or host 127.1.3.250'
soon 60 as_many "$listed" 'dst host 127.0.0.1 and udp'
check "native code runs it in the process" ours
ipjit stats
kill $dump $all
wait $dump $all
equal "it has every packet of the hosts listed" "$(count /tmp/ours.pcap "$listed")" "$(count /tmp/all.pcap "$listed")"
equal "and no other" "$(count /tmp/ours.pcap "not ($listed)")" 0
equal "and some" "$([ "$(count /tmp/ours.pcap "$listed")" -gt 100 ] && echo yes)" yes
equal "and there were others" "$([ "$(count /tmp/all.pcap "not ($listed)")" -gt 100 ] && echo yes)" yes
equal "nothing was said" "$(grep -c ipjit /run/ours.log)" 0
check "the module is unloaded" soon 60 unload
