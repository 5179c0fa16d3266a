#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Measures everything, writes docs/measurements.md and draws docs/plots/.
#
#   scripts/bench.sh          meant to end within ten minutes
#   scripts/bench.sh --full   within 25 minutes: more repeats, longer runs
#   scripts/bench.sh --quick  prints, and leaves page and pictures alone
#
# The machine should have nothing else to do.  Building comes before, and is not counted.  Each part
# says how long it took, and so does the page; a part that fails is missing there, the others still
# run, and the status is 1.
#
# The JSON of a run stays in build-release/measured; that of the run before moves to
# build-release/measured.before, so that `bench/compare build-release/measured.before
# build-release/measured` says what changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

word=${1:-short}
case ${word#--} in
  short)
    command='make bench' limit=600
    packets=(--repeats 9) model=(--repeats 7) swaps=200000 tcpdump=(--mb 400 --repeats 5)
    pktbench=(--repeats 7 --turn 0.05 --patience 4 --swap-seconds 10 --phase-seconds 4)
    micro=(--benchmark_repetitions=3 --benchmark_min_time=0.01) ;;
  full)
    command='make bench-full' limit=1500
    packets=() model=() swaps=1000000 tcpdump=()
    pktbench=(--swap-seconds 60)
    micro=(--benchmark_repetitions=9 --benchmark_min_time=0.05) ;;
  quick)
    command='scripts/bench.sh --quick' limit=120
    packets=(--repeats 5 --filters abcdefgij) model=(--repeats 3 --filters abcdefgijkl) swaps=20000
    tcpdump=(--mb 200 --repeats 3) pktbench=(--smoke) micro=(--smoke) ;;
  *) sed -n '3,16s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
quick=$([[ ${word#--} == quick ]] && echo 1 || true)

out=build-release/measured
[[ ! $quick ]] || out=build-release/quick
scripts/build.sh build-release -DIPJIT_BENCH=ON -DIPJIT_TESTS=OFF
if [[ ! $quick && -f $out/run.json ]]; then
  rm -rf "$out.before"
  cp -r "$out" "$out.before"
fi
mkdir -p "$out"
# Nothing of an earlier run may pass for this one's.  What libpcap takes a minute to compile is kept,
# and what was counted in the virtual machine, which says of itself when that was.
find "$out" -name '*.json' ! -name hosts1000.json ! -name kernel.json -delete
bench=build-release/bench/micro
acl=../shared/corpus/rulesets/acl1_10k.rules.tsv.gz

# part NAME PROGRAM [ARGUMENTS]: leaves NAME.json; status 77 says that this machine lacks what it takes
part() { scripts/bench_part.py part "$out/run.json" "$1" "$out/$1.json" -- "${@:2}"; }
# ports NAME SCENARIO...
ports() {
  part "$1" build-release/bench/dpdk/ipjit-pktbench "${@:2}" "${pktbench[@]}" --json "$out/$1.json"
}

hosts=(--hosts1000 "$out/hosts1000.json")
[[ ! $quick ]] || hosts=()
smoke=()
[[ ! $quick ]] || smoke=(--smoke)

scripts/bench_part.py begin "$out/run.json" "$command" "$limit"
part compile "$bench/compile_bench" "${hosts[@]}" "${smoke[@]}" --json "$out/compile.json"
[[ ! -x $bench/tier2_compile ]] ||
  part tier2_compile "$bench/tier2_compile" "${hosts[@]}" "${smoke[@]}" --json "$out/tier2_compile.json"
part packets "$bench/packets_bench" "${hosts[@]}" "${packets[@]}" --json "$out/packets.json"
part model "$bench/model_bench" "${hosts[@]}" "${model[@]}" --json "$out/model.json"
part phase "$bench/phase_bench" "${smoke[@]}" --json "$out/phase.json"
[[ $quick ]] || part icache scripts/icache.py "$bench/icache_bench" "$out/icache.json"
part swap "$bench/swap_bench" --swaps "$swaps" --json "$out/swap.json"
# packets_bench has the packets already, with all engines in turns.
part micro "$bench/micro_bench" --benchmark_filter='-^packets/' --benchmark_enable_random_interleaving=true \
  "${micro[@]}" --scaling "$out/micro.json"
rules=()
[[ ! -f $acl ]] || rules=(rules --rules "$acl")
ports pktbench filters "${rules[@]}"
ports pktbench_swap swap
ports pktbench_phase phase
part tcpdump bench/tcpdump_bench.sh "${tcpdump[@]}" --json "$out/tcpdump.json"
# Counted, not timed: the same on any machine, so a short run keeps the numbers that are there.
[[ ${word#--} != full ]] || part kernel scripts/vm-bench build-release "$out/kernel.json"
if [[ ! $quick ]]; then
  scripts/measurements.py "$out" docs/measurements.md
  scripts/plots.py "$out" docs/plots || {
    rm -f docs/plots/*.png docs/plots/*.svg
    echo "bench: no pictures: scripts/plots.py failed" >&2
  }
fi
scripts/bench_part.py end "$out/run.json"
