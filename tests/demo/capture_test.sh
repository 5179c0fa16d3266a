#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The demo's capture holds what the demo says: real HTTP, DNS and ping over IPv4, IPv6 and a VLAN.
# Skipped (77) where network namespaces are not allowed.  Ends in "N passed, N failed".
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
capture=$dir/test.pcap

"$here/../../scripts/make-capture.sh" "$capture" 8000 >"$dir/log" 2>&1
case $? in
  0) ;;
  3) cat "$dir/log"; exit 77 ;;
  *) cat "$dir/log"; echo "0 passed, 1 failed"; exit 1 ;;
esac

passed=0 failed=0
at_least() { # at_least N WHAT FILTER
  local count
  count=$(tcpdump -r "$capture" --count "$3" 2>/dev/null | cut -d' ' -f1)
  if ((${count:-0} >= $1)); then
    passed=$((passed + 1))
  else
    echo "FAIL $2: ${count:-0} packets match '$3', $1 wanted"
    failed=$((failed + 1))
  fi
}
at_least 8000 "packets" ""
at_least 500 "HTTP" "tcp port 80"
at_least 10 "DNS" "udp port 53"
at_least 10 "ping" "icmp"
at_least 2 "ping over IPv6" "icmp6[0] = 128 or icmp6[0] = 129"
at_least 50 "IPv6" "ip6 and tcp"
at_least 10 "VLAN" "vlan 100"
at_least 500 "full frames" "greater 1500"
at_least 500 "small frames" "less 80"
short=$(head -100 "$capture.hosts" | sed 's/^/host /' | paste -sd'|' | sed 's/|/ or /g')
at_least 20 "the 100 hosts" "$short"
count=$(tcpdump -r "$capture" --count "greater 1515 and not vlan" 2>/dev/null | cut -d' ' -f1)
if ((${count:-1} == 0)); then passed=$((passed + 1)); else echo "FAIL no frame is larger than a wire allows"; failed=$((failed + 1)); fi
if (($(sort -u "$capture.hosts" | wc -l) == 1000)); then passed=$((passed + 1)); else echo "FAIL 1,000 hosts"; failed=$((failed + 1)); fi
echo "$passed passed, $failed failed"
((failed == 0))
