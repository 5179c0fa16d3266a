# SPDX-License-Identifier: BSD-2-Clause
# vm: --tool dumpcap --tool setcap --tool ldconfig
# Debian's profile of tcpdump enforced: with our fragment its filters run as native code under the preload
# library and the drop-in; without it libpcap runs.
. ./apparmor.sh

# ---- what is to come out: nobody is confined yet, and there is no ipjit
/tmp/unconfined -n -Z root -U -i lo -w /tmp/x.pcap udp 2>/run/log &
dump=$!
soon 60 listening /run/log
to_ports 9 10
soon 60 holds /tmp/x.pcap 'udp dst port 10' 400
kill $dump
wait $dump
cp /tmp/x.pcap /opt/x.dat
filter='udp dst port 9 and udp[8:4] = 0'
read_capture
cp /run/out /run/wanted
check "a capture to read" test -s /run/wanted

# ---- with the fragment
check "the profile is loaded with the fragment" with_fragment $policy/usr.bin.tcpdump
check "it enforces" grep -x 'tcpdump (enforce)' $profiles
refuse "it confines: a file of another name cannot be read" tcpdump -n -r /opt/x.dat
check "and the kernel says so" denied /opt/x.dat
check "the preload library: tcpdump runs" read_capture env LD_PRELOAD=$preload
check "the same packets" same_packets
check "nothing is said" silent
check "native code ran, and stats shows it" engine tier1
check "nothing was denied" nothing_denied
forget
check "the drop-in is enabled" enable
check "the drop-in: tcpdump runs" read_capture
check "the same packets" same_packets
check "nothing is said" silent
check "native code ran, and stats shows it" engine tier1
check "nothing was denied" nothing_denied
forget

rm /run/log
tcpdump -n -Z tcpdump -U -i lo -w /tmp/live.pcap "$filter" 2>/run/log &
dump=$!
/tmp/unconfined -n -Z root -U -i lo -w /tmp/all.pcap udp 2>/run/all.log &
all=$!
soon 60 listening /run/log
soon 60 listening /run/all.log
check "a live capture that drops root is confined" confined $dump tcpdump
to_ports 9 10
soon 60 holds /tmp/live.pcap '' 400
soon 60 holds /tmp/all.pcap 'udp dst port 10' 400
kill $dump $all
wait $dump $all
equal "it has every packet" "$(count /tmp/live.pcap)" "$(count /tmp/all.pcap "$filter")"
equal "and some" "$([ "$(count /tmp/live.pcap)" -gt 50 ] && echo yes)" yes
check "nothing was denied" nothing_denied
forget
check "the drop-in is disabled" disable

# ---- the compile server, which a confined program starts
# asks [RULES]: a profile for `ipjit doctor`, which compiles by way of the server
asks() {
  cat >$policy/asks <<PROFILE
abi <abi/3.0>,
include <tunables/global>
profile asks /usr/local/bin/ipjit {
  include <abstractions/base>
  /usr/local/bin/ipjit mr,
  # Where this machine has LLVM's libraries.
  /opt/llvm/** mr,
  $1
}
PROFILE
  with_fragment $policy/asks
}
# It does not wait long for a server to start.
compiles() { IPJIT_TIER2=$server /usr/local/bin/ipjit doctor >/run/doctor 2>&1; grep '^ok  *tier2 ' /run/doctor; }
end_server() {
  for pid in $(pidof ipjit-tier2); do kill -9 "$pid"; done
  soon 60 no_server
  forget
}
no_server() { ! pidof ipjit-tier2 >/dev/null; }
# A process of its own compiles and ends.
servers_are_confined() {
  for pid in $(pidof ipjit-tier2); do
    confined "$pid" asks || [ ! -e "/proc/$pid/exe" ] || return 1
  done
}
if [ -e $server ]; then
  check "a profile with the fragment for who asks the compile server" asks
  check "it starts the server, which compiles" soon 240 compiles
  check "and it runs" pidof ipjit-tier2
  check "the server is confined as that is" servers_are_confined
  check "the log is whole" settled
  refuse "the server may do what it must" was_denied 'comm="ipjit-tier2"'
  home=/root  # of the machine's one user
  check "and keeps what it has compiled" test -d $home/.cache/ipjit/tier2
  end_server
  check "the same in a profile that denies hidden files, as tcpdump's does" asks "deny @{HOME}/.*/** mrwkl,"
  check "the server compiles without its cache" soon 240 compiles
  end_server
  apparmor_parser -R $policy/asks
  dmesg -c >/dev/null
else
  skip "compile server" "ipjit-tier2 is not built"
fi

# ---- without the fragment
check "the profile is loaded without the fragment" without_fragment $policy/usr.bin.tcpdump
check "the preload library: tcpdump runs" read_capture env LD_PRELOAD=$preload
check "the same packets" same_packets
equal "one line says what is not loaded" "$(said | sed 's/ cannot be preloaded.*//')" \
  "ERROR: ld.so: object '$preload' from LD_PRELOAD"
check "libpcap ran" nothing_of_ours_ran
check "the kernel's log has the reason" denied libipjit-pcap.so
enable
check "the drop-in: tcpdump runs" read_capture
check "the same packets" same_packets
check "libpcap ran" nothing_of_ours_ran
check "the kernel's log has the reason" denied libpcap.so.0.8
disable
ipjit doctor >/run/doctor
check "doctor says what is missing" grep "active, without ipjit's fragment" /run/doctor
# What is below /usr/lib may be mapped: native code runs, only its statistics are not seen.
cp $preload /usr/lib/x86_64-linux-gnu/
check "from /usr/lib: tcpdump runs" read_capture env LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libipjit-pcap.so IPJIT_LOG=info
check "the same packets" same_packets
check "whoever asks is told" grep 'cannot show this process: open /dev/shm/ipjit-0' /run/err
check "the kernel's log has the reason" denied /dev/shm/ipjit-0
apparmor_parser -R $policy/usr.bin.tcpdump
forget
