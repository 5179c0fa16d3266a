#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Makes a real capture: two network namespaces, a veth pair between them, an HTTP and a DNS server on
# one side, hundreds of client addresses on the other, tcpdump in the middle.
#
#   scripts/make-capture.sh OUT.pcap [PACKETS]
#
# Writes OUT.pcap (PACKETS or more, default 100,000) and OUT.hosts (1,000 client addresses, one a
# line; the first 100 are the shorter list).  Exit status 3: this machine does not let us make network
# namespaces; nothing was written.
#
# Root or not: as root in a new network namespace, otherwise in a new user namespace, where the kernel
# allows that.  Nothing outside is touched: interfaces, addresses and routes vanish with the processes.
#
#   client ns                                        server ns
#   172.16.0.0/12, 198.18.0.0/15, 2001:db8:c::/64    192.168.0.0/16, 2001:db8:5::/64
#        wan ───────────────────── veth ───────────────────── lan        10.99.0.0/30
#        wan.100 ──────────────── VLAN 100 ────────────────── lan.100    10.99.100.0/30
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(realpath -m "${1:?usage: scripts/make-capture.sh OUT.pcap [PACKETS]}")
packets=${2:-100000}

if [[ ${IPJIT_CAPTURE_INSIDE:-} != 1 ]]; then
  export IPJIT_CAPTURE_INSIDE=1
  user=()
  ((EUID == 0)) || user=(--user --map-current-user --keep-caps)
  apart=(unshare "${user[@]}" --net --mount-proc --fork --pid --kill-child)
  if ! why=$("${apart[@]}" unshare --net true 2>&1); then
    echo "make-capture: this machine does not allow network namespaces (as root, or in a container with CAP_SYS_ADMIN, it would): $why" >&2
    exit 3
  fi
  exec "${apart[@]}" "$0" "$out" "$packets"
fi

# From here on: the client's namespace, gone with this process.
exec {up}< <(exec unshare --net sh -c 'echo $$; exec sleep 1000')
read -r server <&"$up"  # it speaks only once its namespace is there
in_server() { nsenter --target "$server" --net -- "$@"; }
trap 'kill $server $(jobs -p) 2>/dev/null || true' EXIT

python=$(command -v /usr/bin/python3 || command -v python3)
ip link add wan type veth peer name lan netns "$server"
for side in "wan 1 nsclient" "lan 2 in_server"; do
  read -r dev last run <<<"$side"
  [[ $run == in_server ]] || run=
  $run ip link set lo up
  # Frames as they would be on a wire: no segment larger than 1,514 bytes, checksums filled in.
  $run ethtool -K "$dev" tso off gso off gro off tx off >/dev/null 2>&1 || true
  $run ip link set "$dev" gso_max_segs 1 up
  if ! $run ip link add link "$dev" name "$dev.100" type vlan id 100 2>/dev/null; then
    # A kernel without 802.1Q: tags are put on and taken off outside it.
    exec {ready}< <($run "$python" "$here/capture/vlan_tagger.py" "$dev" "$dev.100" 100)
    read -r -t 60 -u "$ready" _
    $run ip link set "$dev.100" mtu 1496
  fi
  $run ip link set "$dev.100" up
  $run ip address add "10.99.0.$last/30" dev "$dev"
  $run ip address add "10.99.100.$last/30" dev "$dev.100"
  $run ip -6 address add "2001:db8:99::$last/64" dev "$dev" nodad
done
# Whole prefixes are local, so that a thousand hosts need no thousand addresses.
ip route add local 172.16.0.0/12 dev lo
ip route add local 198.18.0.0/15 dev lo
ip -6 route add local 2001:db8:c::/64 dev lo
ip route add 192.168.0.0/16 via 10.99.0.2
ip -6 route add 2001:db8:5::/64 via 2001:db8:99::2
in_server ip route add local 192.168.0.0/16 dev lo
in_server ip -6 route add local 2001:db8:5::/64 dev lo
for run in "" in_server; do
  $run sh -c 'echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind'
done
in_server ip route add default via 10.99.0.1
in_server ip -6 route add default via 2001:db8:99::1

exec {serving}< <(in_server "$python" "$here/capture/servers.py")
read -r -t 60 -u "$serving" _
partial=$out.tmp
keep_user=()
((EUID != 0)) || keep_user=(-Z root)  # so that the file is ours to move
tcpdump -i wan -n -s 0 -B 65536 "${keep_user[@]}" -w "$partial" 2>"$out.log" &
dump=$!
until grep -q 'listening on' "$out.log" 2>/dev/null; do
  kill -0 $dump 2>/dev/null || { cat "$out.log" >&2; exit 1; }
  sleep 0.05
done
"$python" "$here/capture/clients.py" "$packets" "$out.hosts"
# The kernel hands packets on when it has many, or a second or two later: the end is when no more have come
# for three, or after half a minute, as the two sides still talk to each other now and then.
before=-1
for ((quiet = 0, tenths = 0; quiet < 30 && tenths < 300; tenths++)); do
  sleep 0.1
  size=$(stat -c %s "$partial")
  quiet=$((size == before ? quiet + 1 : 0))
  before=$size
done
kill -INT $dump
wait $dump || true
grep -q '^0 packets dropped by kernel' "$out.log" || grep 'dropped by kernel' "$out.log" >&2 || true
rm -f "$out.log"
mv "$partial" "$out"
