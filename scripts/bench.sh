#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Measures everything, writes docs/measurements.md and draws docs/plots/.
#
#   scripts/bench.sh          at most ten minutes; the machine should have nothing else to do
#   scripts/bench.sh --full   about half an hour: more repeats, longer runs
#   scripts/bench.sh --quick  two minutes: prints, and leaves page and pictures alone
#
# The JSON of a run stays in build-release/measured; that of the run before moves to
# build-release/measured.before, so that `bench/compare build-release/measured.before
# build-release/measured` says what changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

word=${1:-short}
case ${word#--} in
  short)
    command='make bench'
    packets=(--repeats 7) model=(--repeats 5) swaps=200000 tcpdump=(--mb 400 --repeats 3)
    pktbench=(--repeats 5 --turn 0.05 --patience 3 --swap-seconds 8 --phase-seconds 3.5)
    micro=(--benchmark_repetitions=3 --benchmark_min_time=0.01) ;;
  full)
    command='make bench-full'
    packets=() model=() swaps=1000000 tcpdump=()
    pktbench=(--swap-seconds 60)
    micro=(--benchmark_repetitions=9 --benchmark_min_time=0.05) ;;
  quick)
    packets=(--repeats 5 --filters abcdefgij) model=(--repeats 3 --filters abcdefgij) swaps=20000
    tcpdump=(--mb 200 --repeats 3) pktbench=(--smoke) micro=(--smoke) ;;
  *) sed -n '3,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
quick=$([[ ${word#--} == quick ]] && echo 1 || true)

out=build-release/measured
scripts/build.sh build-release -DIPJIT_BENCH=ON -DIPJIT_TESTS=OFF
if [[ ! $quick && -f $out/packets.json ]]; then
  rm -rf "$out.before"
  cp -r "$out" "$out.before"
fi
mkdir -p "$out"
bench=build-release/bench/micro
acl=../shared/corpus/rulesets/acl1_10k.rules.tsv.gz

load=$(cut -d' ' -f1 /proc/loadavg)
awk "BEGIN { exit !($load > 0.5) }" &&
  echo "bench: load average $load: something else runs here, and the numbers will show it" >&2

# Libpcap takes a minute for the 1,000 hosts; what it made is kept.
hosts=(--hosts1000 "$out/hosts1000.json")
if [[ $quick ]]; then hosts=(--smoke); fi
rm -f "$out"/{tier2_compile,icache,pktbench}.json  # what this machine may not be able to measure
"$bench/compile_bench" "${hosts[@]}" --json "$out/compile.json"
[[ ! -x $bench/tier2_compile ]] || "$bench/tier2_compile" "${hosts[@]}" --json "$out/tier2_compile.json"
if [[ $quick ]]; then hosts=(); fi
"$bench/packets_bench" "${hosts[@]}" "${packets[@]}" --json "$out/packets.json"
"$bench/model_bench" "${hosts[@]}" "${model[@]}" --json "$out/model.json"
"$bench/phase_bench" --json "$out/phase.json"
[[ $quick ]] || scripts/icache.py "$bench/icache_bench" "$out/icache.json"
"$bench/swap_bench" --swaps "$swaps" --json "$out/swap.json"
# packets_bench has the packets already, with all engines in turns.
"$bench/micro_bench" --benchmark_filter='-^packets/' --benchmark_enable_random_interleaving=true \
  "${micro[@]}" --scaling "$out/micro.json"
# Every scenario that this machine can run; none where there is no DPDK.
scenarios=(filters swap phase)
[[ ! -f $acl ]] || scenarios+=(rules --rules "$acl")
build-release/bench/dpdk/ipjit-pktbench "${scenarios[@]}" "${pktbench[@]}" --json "$out/pktbench.json" ||
  (($? == 77))
bench/tcpdump_bench.sh "${tcpdump[@]}" --json "$out/tcpdump.json"
[[ ! $quick ]] || exit 0
scripts/measurements.py "$out" "$load" "$command" docs/measurements.md
scripts/plots.py "$out" docs/plots
