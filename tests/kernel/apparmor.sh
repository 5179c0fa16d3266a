# SPDX-License-Identifier: BSD-2-Clause
# What the scripts share that enforce AppArmor: apparmor_test.sh, confined_dumpcap_test.sh.
#
# ipjit lies in /usr/local as `make install` leaves it: whatever is below /usr/lib a profile may map anyway.

policy=/etc/apparmor.d
profiles=/sys/kernel/security/apparmor/profiles
fragment=$policy/abstractions/base.d/ipjit
preload=/usr/local/lib/libipjit-pcap.so
server=/usr/local/libexec/ipjit/ipjit-tier2

install_ipjit() {
  mkdir -p /usr/local/lib/ipjit /usr/local/bin ${server%/*} $policy/local /etc/apparmor /etc/ld.so.conf.d
  cp /ipjit/bin/libipjit-pcap.so $preload
  cp /ipjit/dropin/libpcap.so.0.8 /usr/local/lib/ipjit/
  cp /ipjit/bin/ipjit /usr/local/bin/
  [ ! -e /ipjit/bin/ipjit-tier2 ] || cp /ipjit/bin/ipjit-tier2 $server
  touch $policy/local/usr.bin.tcpdump /etc/apparmor/parser.conf
  echo 'include /etc/ld.so.conf.d/*.conf' >/etc/ld.so.conf
}
# What `ipjit enable` and `disable` do; where the drop-in lies, they know from their own installation.
enable() { echo /usr/local/lib/ipjit >/etc/ld.so.conf.d/00-ipjit.conf && ldconfig; }
disable() { rm /etc/ld.so.conf.d/00-ipjit.conf && ldconfig; }
# with_fragment PROFILE, without_fragment PROFILE: loads the profile, or loads it anew
with_fragment() {
  mkdir -p ${fragment%/*}
  cp /packaging/apparmor/ipjit $fragment
  apparmor_parser -r -K "$1"
}
without_fragment() {
  rm -f $fragment
  apparmor_parser -r -K "$1"
}
# read_capture [PROGRAM...]: tcpdump's own output in /run/out, its complaints in /run/err
read_capture() { "$@" tcpdump -n -Z root -r /tmp/x.pcap "$filter" >/run/out 2>/run/err; }
same_packets() { [ -s /run/out ] && cmp /run/wanted /run/out; }
said() { grep -v '^reading from file' /run/err; }
silent() { ! said; }
# settled: whatever was refused before stands in the log.  A thread of the kernel writes it there a moment
# later, and so it does, in its turn, that a profile was loaded: here one of nobody's.
settled() {
  settled_name=settled$(cut -d' ' -f1 /proc/uptime)
  echo "profile $settled_name { }" | apparmor_parser -q -r -K && soon 60 logged "$settled_name" &&
    echo "profile $settled_name { }" | apparmor_parser -q -R
}
logged() { dmesg | grep -qF "name=\"$1\""; }
nothing_denied() { settled && ! dmesg -c | grep 'apparmor="DENIED"'; }
was_denied() { dmesg | grep 'apparmor="DENIED"' | grep "$1"; }
denied() { # denied NAME; forgets the log
  settled && was_denied "$1"
  denied_status=$?
  dmesg -c >/dev/null
  return $denied_status
}
engine() { # engine NAME: what ran the filter that `ipjit stats` shows
  ipjit stats --json >/run/stats.json
  tr -d ' \n' </run/stats.json | grep -q "\"engine\":\"$1\"" || { cat /run/stats.json; false; }
}
backend() { # backend NAME: whose code of tier 2 runs
  ipjit stats --json | tr -d ' \n' | grep -q "\"backend\":\"$1\""
}
nothing_of_ours_ran() { [ ! -e /dev/shm/ipjit-0 ]; }
forget() { rm -rf /dev/shm/ipjit-*; }
confined() { grep -qx "$2 (enforce)" "/proc/$1/attr/current"; } # confined PID PROFILE
listening() { grep -q 'listening on' "$1"; }
# to_ports PORT...: a second of 400 datagrams to each
to_ports() { for port in "$@"; do packets 127.0.0.1 "$port" 400 1 >/dev/null; done; }
holds() { [ "$(count "$1" "$2")" -ge "$3" ]; } # holds CAPTURE EXPRESSION NUMBER
count() { # count CAPTURE EXPRESSION: by libpcap alone, unconfined
  IPJIT_ENGINE=libpcap /tmp/unconfined -n -r "$1" "$2" 2>/dev/null | wc -l
}

need tcpdump apparmor_parser packets ipjit ldconfig
if ! [ -e $profiles ] || ! [ -e $policy/usr.bin.tcpdump ]; then
  skip "$test_name" "this kernel has no AppArmor, or tcpdump no profile (apt-get install apparmor tcpdump)"
  exit 0
fi
# Or the log has ten refusals in five seconds and no more.
echo 0 >/proc/sys/kernel/printk_ratelimit
install_ipjit
cp /usr/bin/tcpdump /tmp/unconfined
