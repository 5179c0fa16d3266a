# SPDX-License-Identifier: BSD-2-Clause
# The same packets with and without the module, for every expression and capture of the corpus, in
# every form that an skb comes in: whole, cut, tagged, in pages, jumbo.
need replay ipjitd
if [ ! -d /corpus/captures ]; then
  skip "same packets" "no corpus beside the project (../shared/corpus)"
  exit 0
fi
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add v0 type veth peer name v1
ip link set v0 up mtu 65535
ip link set v1 up mtu 65535

no_filters() { ! module_is_loaded || [ "$(kernel_state info filters)" = 0 ]; }
# replayed OUT [options]: most of the filters are ours before the first packet; those of the run before, which
# the module has for a moment longer, are not counted among them
replayed() {
  soon 60 no_filters || return 1
  replayed_out=$1
  shift
  replay --each 3 --expressions /corpus/expressions/expressions.txt --out "$replayed_out" "$@" v0 v1 \
    /corpus/captures/*.pcap* /corpus/traffic/*.pcap 2>/tmp/replay.said
}

check "without the module" replayed /tmp/without
equal "every form was sent" "$(cut -d' ' -f1 /tmp/without | sort -u | tr '\n' ' ')" "jumbo plain short split vlan "

check "the module loads" load mode=on
mkdir -p /run/ipjit
ipjitd --foreground 2>/tmp/ipjitd.log &
daemon=$!
# Of 151 filters 16 ask nothing, or only what the kernel's code can tell: those stay with it.
wait_for_ours="kernel_state wait 1 130 240"

check "mode on" replayed /tmp/on --ready "$wait_for_ours" --done \
  "kernel_state sum native >/tmp/native; kernel_state sum passed_on >/tmp/passed; kernel_state info refusals >/tmp/refusals"
check "mode on: the same packets" cmp /tmp/without /tmp/on
check "mode on: verdicts were ours" test "$(cat /tmp/native)" -gt 100000
check "mode on: packets in pages were passed on" test "$(cat /tmp/passed)" -gt 1000
equal "the kernel's verifier refused nothing" "$(cat /tmp/refusals)" 0

check "shadow" replayed /tmp/shadow --ready "$wait_for_ours; kernel_state shadow on" --done \
  "kernel_state sum differences >/tmp/differences; kernel_state sum compared >/tmp/compared; kernel_state >/tmp/state"
check "shadow: the same packets" cmp /tmp/without /tmp/shadow
check "shadow: everything was compared" test "$(cat /tmp/compared)" -gt 100000
equal "shadow: differences" "$(cat /tmp/differences)" 0
grep -v ' differences=0 ' /tmp/state | head -5

check "shadow off, observe" sh -c 'kernel_state shadow off && kernel_state mode observe'
check "observe" replayed /tmp/observe --ready "$wait_for_ours" --done \
  "kernel_state sum differences >/tmp/differences; kernel_state sum native >/tmp/native"
check "observe: the same packets" cmp /tmp/without /tmp/observe
equal "observe: differences" "$(cat /tmp/differences)" 0
equal "observe: no verdict is ours" "$(cat /tmp/native)" 0
echo "$(tail -n 1 /tmp/replay.said)"

kill $daemon
check "ipjitd ends" soon 60 has_ended $daemon
check "the module unloads" soon 60 unload
check "afterwards" replayed /tmp/after
check "afterwards: the same packets" cmp /tmp/without /tmp/after
sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
