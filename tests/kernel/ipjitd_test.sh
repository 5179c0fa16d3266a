# SPDX-License-Identifier: BSD-2-Clause
# The daemon at work: an unmodified tcpdump's filter reaches tier 1 at once and tier 2 by itself; the
# daemon is killed and another one goes on; a second one is told to go away.
#
# Sampled is every 16th packet: at the default of 1,024 the guest's traffic would take minutes.  Tier 2 may use
# the processor as it likes: of a slow machine five hundredths would take minutes, too.

daemon_says() { grep -q "$1" /run/ipjitd.log; }
state() { kernel_state | grep " tier=$1 " >/dev/null; }
# tuned SECONDS: the daemon's reasons, where tier 2 does not come
tuned() { soon "$1" state 2 || ! sed -n '/"filters"/,$p' /tmp/ipjit.json; }
# number NAME: the largest of all filters
number() { kernel_state | tr ' ' '\n' | sed -n "s/^$1=//p" | sort -n | tail -1; }

start_daemon() {
  rm -f /tmp/ipjit.json
  ipjitd --foreground --user user --tier2-percent 100 --status /tmp/ipjit.json 2>>/run/ipjitd.log &
  daemon=$!
  soon 60 daemon_says "serving" || not_ok "ipjitd serves"
}

need tcpdump kernel_state packets ipjitd
veth
load mode=on sample_shift=4
: >/run/ipjitd.log
refuse "who is not of the device's group may not serve" ipjitd --foreground --user user --status -
chgrp user /dev/ipjit && chmod 660 /dev/ipjit
start_daemon
equal "it is a user" "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' /proc/$daemon/status)" 1000
equal "without rights" "$(sed -n 's/^Cap\(Prm\|Eff\|Amb\):[[:space:]]*//p' /proc/$daemon/status | sort -u)" \
  0000000000000000

refuse "a second ipjitd is told to go away" ipjitd --foreground --status -

# Traffic runs before tcpdump attaches, so that packets wait for nobody.
packets 192.0.2.2 9 10000 3000 >/run/sent &
sender=$!
# Thirty words of a datagram's payload, all of them zero: what pays even for some hundred packets a second,
# which may be all that an emulated machine gets to.
filter='udp port 9'
for at in $(seq 8 2 66); do filter="$filter and udp[$at:4] = 0"; done
tcpdump -Z root -i v0 -w /run/x.pcap "$filter" 2>/run/tcpdump.log &
capture=$!
check "tcpdump's filter reaches tier 1, if not more by now" kernel_state wait 1 1 60
check "and tier 2 by itself" tuned 180
equal "no verdict differs" "$(kernel_state sum differences)" 0
equal "no sample disagrees" "$(sed -n 's/.*"disagreed": \([0-9]*\).*/\1/p' /tmp/ipjit.json | sort -u)" 0

kill -9 $daemon
wait $daemon 2>/dev/null
before=$(number native)
check "a filter goes on without a daemon" state 2
more_native() { [ "$(number native)" -gt "$before" ]; }
check "and its code decides" soon 60 more_native
: >/run/ipjitd.log
start_daemon
check "another daemon finds it" soon 60 grep -q '"comm": "tcpdump"' /tmp/ipjit.json
check "and leaves it as it is" state 2

kill $capture
wait $capture
check "tcpdump has captured" test -s /run/x.pcap
kill $sender

kill $daemon
check "ipjitd ends" soon 60 has_ended $daemon
wait $daemon
equal "SIGTERM ends it well" $? 0
check "its status goes with it" test ! -e /tmp/ipjit.json
check "the module can be unloaded" soon 60 unload
