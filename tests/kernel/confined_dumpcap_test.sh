# SPDX-License-Identifier: BSD-2-Clause
# vm: --tool dumpcap --tool setcap --tool ldconfig
# dumpcap with file capabilities, run by a user, in a profile of its own, under the drop-in.
. ./apparmor.sh

need dumpcap setcap
cat >$policy/dumpcap <<'PROFILE'
abi <abi/3.0>,
include <tunables/global>
profile dumpcap /usr/bin/dumpcap {
  include <abstractions/base>
  include <abstractions/nameservice>
  capability net_raw,
  capability net_admin,
  network,
  /usr/bin/dumpcap mr,
  @{sys}/class/net/ r,
  @{sys}/devices/** r,
  @{PROC}/@{pid}/net/* r,
  /dev/ r,
  owner /tmp/** rw,
}
PROFILE
check "dumpcap has file capabilities" setcap cap_net_raw,cap_net_admin+ep /usr/bin/dumpcap
check "dumpcap's profile is loaded" with_fragment $policy/dumpcap
enable
captured() { # captured FILTER EXPRESSION: what a user's dumpcap takes, and what an unconfined tcpdump sees
  rm -f /tmp/ours.pcap /run/all.log
  setpriv --reuid 1000 --regid 1000 --clear-groups dumpcap -i lo -f "$1" -P -q -w /tmp/ours.pcap 2>/run/log &
  dump=$!
  IPJIT_ENGINE=libpcap /tmp/unconfined -n -Z root -U -i lo -w /tmp/all.pcap 2>/run/all.log &
  all=$!
  soon 240 test -e /tmp/ours.pcap # it says where it captures before it compiles, and opens this afterwards
  soon 60 listening /run/all.log
  check "dumpcap is confined" confined $dump dumpcap
  to_ports 9 10
  packets 127.1.3.7 9 400 1 >/dev/null
  packets 127.1.4.7 9 400 1 >/dev/null
  soon 60 holds /tmp/all.pcap 'dst host 127.1.4.7' 400
  a_while # dumpcap writes when it ends what it had read by then
  kill -INT $dump $all
  wait $dump $all
  equal "it has every packet" "$(count /tmp/ours.pcap "$2")" "$(count /tmp/all.pcap "$2")"
  equal "and no other" "$(count /tmp/ours.pcap "not ($2)")" 0
  equal "and some" "$([ "$(count /tmp/ours.pcap "$2")" -gt 50 ] && echo yes)" yes
}
# One that stays in the kernel, and one that the kernel refuses, so that it is ours to run.
captured "udp dst port 9" "udp dst port 9"
thousand=$(for i in $(seq 0 999); do echo "host 127.1.$((i / 250)).$((i % 250 + 1))"; done | paste -sd '|' | sed 's/|/ or /g')
forget
captured "$thousand" "host 127.1.3.7"
check "native code ran, and stats shows it" engine tier1
check "nothing was denied" nothing_denied
ipjit stats
disable
