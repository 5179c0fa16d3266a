# SPDX-License-Identifier: BSD-2-Clause
# The guest itself: what every other script takes for granted.
equal "two processors" "$(nproc)" 2
equal "the BPF JIT is on" "$(cat /proc/sys/net/core/bpf_jit_enable)" 1
check "kprobes can be set" grep -q ' sk_attach_filter$' /proc/kallsyms
veth
check "namespaces reach each other" soon 60 ping -c 1 -W 5 192.0.2.2
check "over IPv6 too" soon 60 ping -c 1 -W 5 2001:db8::2
check "a bridge" ip link add br0 type bridge
check "a VLAN" ip link add link v0 name v0.100 type vlan id 100
need nft tcpdump
check "nf_tables" nft add table inet t
(ip netns exec peer tcpdump -i v1 -c 1 -w /tmp/one.pcap icmp 2>/tmp/said &)
soon 60 grep -q listening /tmp/said
ping -c 3 -i 0.2 192.0.2.2 >/dev/null
check "tcpdump captures" soon 60 test -s /tmp/one.pcap
