#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The whole process: `tcpdump -n -r` of a large generated capture with the 100-host filter (about 4 %
# of the packets match), with and without ipjit, packet cache warm.
#
#   bench/tcpdump_bench.sh [--build DIR] [--mb N] [--repeats N] [--json FILE]
#
# Three tasks: writing the matches to /dev/null, printing them, and, as the floor that no filter can get
# under, tcpdump reading the capture with a filter that refuses everything at once.  With and without
# alternate inside each repeat; cells are medians of the wall time.  The outputs are compared first.
set -euo pipefail
export LC_ALL=C  # awk reads what `time` writes
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=build-release mb=1000 repeats=5 json=
while (($#)); do
  case $1 in
    --build) build=$2 ;;
    --mb) mb=$2 ;;
    --repeats) repeats=$2 ;;
    --json) json=$2 ;;
    *) echo "tcpdump_bench: '$1' is not an option" >&2; exit 2 ;;
  esac
  shift 2
done
make_traffic=$build/bench/mktraffic
ipjit=$build/tools/ipjit/ipjit
for program in "$make_traffic" "$ipjit"; do
  [[ -x $program ]] || { echo "tcpdump_bench: $program is not built" >&2; exit 1; }
done

command -v tcpdump >/dev/null || { echo "tcpdump_bench: no tcpdump here" >&2; exit 77; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/ipjit-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
# The name must end in .pcap: Debian confines tcpdump to such files.
capture=$dir/traffic.pcap
# 100,000 packets are about 35 MB.
"$make_traffic" "$capture" 100000 $(((mb * 10 + 352) / 353))
filter=$("$make_traffic" --filter g)
packets=$(tcpdump -r "$capture" --count 2>/dev/null | cut -d' ' -f1)
bytes=$(stat -c %s "$capture")

write() { "$@" tcpdump -n -r "$capture" -w /dev/null "$filter" 2>/dev/null; }
print() { "$@" tcpdump -n -r "$capture" "$filter" >/dev/null 2>&1; }
floor() { "$@" tcpdump -n -r "$capture" -w /dev/null 'less 1' 2>/dev/null; }
plain=(env)
ours=("$ipjit" exec --)

"${plain[@]}" tcpdump -n -r "$capture" -w "$dir/plain.pcap" "$filter" 2>/dev/null
"${ours[@]}" tcpdump -n -r "$capture" -w "$dir/ours.pcap" "$filter" 2>/dev/null
cmp "$dir/plain.pcap" "$dir/ours.pcap" || { echo "tcpdump_bench: the outputs differ" >&2; exit 1; }
matched=$(tcpdump -r "$dir/plain.pcap" --count 2>/dev/null | cut -d' ' -f1)

# wall TASK WAY...: seconds on the wall
wall() {
  local TIMEFORMAT=%R
  { time "$@" >/dev/null 2>&1; } 2>&1
}
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
least() { sort -n | head -1; }
most() { sort -n | tail -1; }

printf '%d packets, %d MB, %d match (%.1f %%), %d repeats\n' "$packets" $((bytes / 1000000)) \
  "$matched" "$(awk "BEGIN { print 100 * $matched / $packets }")" "$repeats"
rows=
for task in write print floor; do
  : >"$dir/plain" && : >"$dir/ours" && : >"$dir/ratio"
  "$task" "${plain[@]}" # the cache warms up
  for ((i = 0; i < repeats; i++)); do
    a=$(wall "$task" "${plain[@]}")
    b=$(wall "$task" "${ours[@]}")
    echo "$a" >>"$dir/plain"
    echo "$b" >>"$dir/ours"
    awk "BEGIN { print $a / $b }" >>"$dir/ratio"
  done
  row=$(printf '{"task":"%s","plain_s":{"median":%s,"min":%s,"max":%s},"ours_s":{"median":%s,"min":%s,"max":%s},"ratio":{"median":%s,"min":%s,"max":%s}}' \
    "$task" "$(median <"$dir/plain")" "$(least <"$dir/plain")" "$(most <"$dir/plain")" \
    "$(median <"$dir/ours")" "$(least <"$dir/ours")" "$(most <"$dir/ours")" \
    "$(median <"$dir/ratio")" "$(least <"$dir/ratio")" "$(most <"$dir/ratio")")
  rows+=${rows:+,}$row
  printf '%-6s tcpdump %6.2f s   with ipjit %6.2f s   %5.2fx\n' "$task" "$(median <"$dir/plain")" \
    "$(median <"$dir/ours")" "$(median <"$dir/ratio")"
done
if [[ $json ]]; then
  printf '{"packets":%d,"bytes":%d,"matched":%d,"repeats":%d,"tcpdump":"%s","tasks":[%s]}\n' "$packets" \
    "$bytes" "$matched" "$repeats" "$(tcpdump --version 2>&1 | head -1)" "$rows" >"$json"
fi
