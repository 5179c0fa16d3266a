#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Measures everything and writes docs/measurements.md.
#
#   scripts/bench.sh           about ten minutes; the machine should have nothing else to do
#   scripts/bench.sh --quick   fewer repeats, no 1 GB capture; prints, and leaves the page alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=0
[[ ${1:-} == --quick ]] && quick=1
out=build-release/measured
scripts/build.sh build-release -DIPJIT_BENCH=ON -DIPJIT_TESTS=OFF
mkdir -p "$out"
bench=build-release/bench/micro
acl=../shared/corpus/rulesets/acl1_10k.rules.tsv.gz

# pktbench OPTIONS: every scenario that this machine can run; none of them where there is no DPDK
pktbench() {
  local scenarios=(filters swap phase)
  [[ ! -f $acl ]] || scenarios+=(rules --rules "$acl")
  rm -f "$out/pktbench.json"
  build-release/bench/dpdk/ipjit-pktbench "${scenarios[@]}" "$@" --json "$out/pktbench.json" ||
    (($? == 77))
}

load=$(cut -d' ' -f1 /proc/loadavg)
awk "BEGIN { exit !($load > 0.5) }" &&
  echo "bench: load average $load: something else runs here, and the numbers will show it" >&2

hosts=(--hosts1000 "$out/hosts1000.json")
if ((quick)); then
  "$bench/compile_bench" --smoke --json "$out/compile.json"
  [[ ! -x $bench/tier2_compile ]] || "$bench/tier2_compile" --smoke --json "$out/tier2_compile.json"
  "$bench/packets_bench" --repeats 5 --filters abcdefgij --json "$out/packets.json"
  "$bench/model_bench" --repeats 3 --filters abcdefgij --json "$out/model.json"
  "$bench/phase_bench" --json "$out/phase.json"
  "$bench/swap_bench" --swaps 20000 --json "$out/swap.json"
  pktbench --smoke
  bench/tcpdump_bench.sh --mb 200 --repeats 3 --json "$out/tcpdump.json"
  exit
fi
"$bench/compile_bench" "${hosts[@]}" --json "$out/compile.json"
rm -f "$out/tier2_compile.json"
[[ ! -x $bench/tier2_compile ]] || "$bench/tier2_compile" "${hosts[@]}" --json "$out/tier2_compile.json"
"$bench/packets_bench" "${hosts[@]}" --json "$out/packets.json"
"$bench/model_bench" "${hosts[@]}" --json "$out/model.json"
rm -f "$out/icache.json"
"$bench/phase_bench" --json "$out/phase.json"
scripts/icache.py "$bench/icache_bench" "$out/icache.json"
"$bench/swap_bench" --json "$out/swap.json"
bench/tcpdump_bench.sh --json "$out/tcpdump.json"
pktbench --repeats 5 --turn 0.05 --patience 3 --swap-seconds 8 --phase-seconds 3.5
scripts/measurements.py "$out" "$load" docs/measurements.md
