#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Everything that must hold before a change lands: every test on the release build, the sanitizer
# builds, fuzzers with a time budget, format, lint, the slow scripts.
#
#   scripts/check.sh            all stages
#   scripts/check.sh tidy asan  these stages
#
# The stage long is the stages slow and kernel at the same time: a virtual machine keeps one
# processor busy, the slow scripts the others.
#
# Each stage prints one line; its log is build-check/STAGE.log.  A stage that fails does not stop
# the others.  What waits for other programs may wait in vain on a machine that does other things: a
# test that fails has a second try, but not where sanitizers watch.  That it failed is said, with the
# reason, and is a fault to be looked for.
#
# The last line is "N passed, N failed" (with ", N skipped" if tests skipped), counting single tests;
# the exit status is 0 only if none failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=$(nproc)
fuzz_seconds=${IPJIT_FUZZ_SECONDS:-25}
out=build-check
unshuffled=()  # what goes before a program whose mappings may not lie anywhere
# Precompiled headers (build-asan) are what ccache compares, if it may.
export CCACHE_SLOPPINESS=pch_defines,time_macros${CCACHE_SLOPPINESS:+,$CCACHE_SLOPPINESS}
stages=("$@")
((${#stages[@]})) || stages=(format release tidy asan tsan fuzz long)
rm -rf "$out"
mkdir -p "$out"

sources() { git ls-files -- '*.c' '*.h' '*.cpp' '*.hpp'; }

# configure_and_build PRESET [ninja targets]
configure_and_build() {
  local preset=$1
  shift
  cmake --preset "$preset" && ninja -C "build-$preset" -j "$jobs" "$@"
}

# run_tests STAGE PRESET [ctest options]: leaves JUnit and GoogleTest reports for scripts/tally.py
run_tests() {
  local reports=$out/$1.reports junit=$out/$1.junit.xml preset=$2
  shift 2
  mkdir -p "$reports"
  GTEST_OUTPUT="xml:$PWD/$reports/" "${unshuffled[@]}" ctest --test-dir "build-$preset" -j "$jobs" \
    --output-on-failure --output-junit "$PWD/$junit" "$@"
}

# C is in the kernel's style, which clang-format does not know well enough: it begins with "/*".
stage_format() {
  sources | grep -v '\.c$' | xargs grep -l '^// SPDX' | xargs -P "$jobs" -n 40 clang-format --dry-run -Werror
}

stage_release() {
  configure_and_build release && run_tests release release -LE 'slow|vm' --repeat until-pass:2
}

stage_tidy() {
  # Most of the time goes into the headers of a file, so that eight files are read as one.
  # Tests, benchmarks and the command's option parsing are left out: the headers of GoogleTest and
  # CLI11 cost up to half a minute a file, and they are not ours.
  cmake --preset tidy || return
  run-clang-tidy-19 -quiet -extra-arg=-Wno-unknown-warning-option -extra-arg=-Wno-deprecated-declarations -j "$jobs" -p build-tidy \
    "^$PWD/(build-tidy/)?(arch-detect|ir|lookup|bpf-frontend|tier1-asmjit|verifier|tier2-llvm|runtime|tools)/(?!ipjit/(cmd_|main\.|source_options\.)|.*/ipjit_cli\.dir/).*\.(c|cpp|cxx)$"
}

stage_asan() {
  configure_and_build asan &&
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
      UBSAN_OPTIONS=print_stacktrace=1 run_tests asan asan -LE 'slow|bench|no-sanitizer'
}

# Only what has threads: the runtime, its C API, the compile server's client, and all of them inside
# programs that know nothing of it.  The client starts its server from a process with threads, which
# the sanitizer takes for a fork that goes on with threads (die_after_fork).
stage_tsan() {
  cmake --preset tsan || return
  # g++ 12's runtime ends a program at once where the kernel strews its mappings wider than it knows.
  local unshuffled=()
  (($(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0) > 28)) && setarch -R true 2>/dev/null && unshuffled=(setarch -R)
  local threaded='^(runtime|capi|tier2_remote)$' preloaded='^pcap_(ctypes|stats)$' targets
  mapfile -t targets < <(ctest --test-dir build-tsan -N -R "$threaded" | sed -n 's/.*Test *#[0-9]*: \(.*\)/\1_test/p')
  ((${#targets[@]})) || { echo "no test matches $threaded"; return 1; }
  ninja -C build-tsan -j "$jobs" "${targets[@]}" ipjit_pcap ipjit_dropin pcap_probe pcap_stats_probe &&
    TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:suppressions=$PWD/tests/tsan.supp run_tests tsan tsan -R "$threaded|$preloaded" -LE 'slow|no-sanitizer'
}

# fuzz_one TARGET: one libFuzzer program for its share of time
fuzz_one() {
  local name=${1##*/} seeds=() status
  local corpus=$out/$name.corpus log=$out/$name.log
  mkdir -p "$corpus"
  [[ -d tests/fuzz/seeds/$name ]] && seeds+=("tests/fuzz/seeds/$name")
  [[ $name == ir_parse_fuzz ]] && seeds+=(tests/cases/ir)  # valid IR text as it stands
  "$1" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix="$out/$name." "$corpus" "${seeds[@]}" >"$log" 2>&1
  status=$?
  if ((status == 0)); then echo "PASS $name"; else echo "FAIL $name"; fi >>"$log"
  return $status
}

# In the build of the stage asan.  Each target is one thread, so that as many run at a time as there
# are processors.
stage_fuzz() {
  configure_and_build asan fuzzers || return
  local target bad=0
  export -f fuzz_one
  export out fuzz_seconds
  printf '%s\0' build-asan/tests/fuzz/*_fuzz | xargs -0 -P "$jobs" -I{} bash -c 'fuzz_one {}' || bad=1
  for target in build-asan/tests/fuzz/*_fuzz; do
    echo "== ${target##*/}, $fuzz_seconds s"
    cat "$out/${target##*/}.log"
  done
  return $bad
}

stage_slow() { configure_and_build release && run_tests slow release -L slow --repeat until-pass:2; }

# The module and what runs in the virtual machine.  Where headers are missing the module is not
# built; its tests say so, as where QEMU is missing, and are skipped.
build_for_machine() {
  configure_and_build release || return
  if ninja -C build-release -t query ipjit_ko >/dev/null 2>&1; then
    ninja -C build-release ipjit_ko ipjit_lying_ko
  fi
}

stage_kernel() { build_for_machine && run_tests kernel release -L vm --repeat until-pass:2; }

stage_long() { build_for_machine && run_tests long release -L 'slow|vm' --repeat until-pass:2; }

say_stage() {
  local name=$1 status=$2 seconds=$3 counts=$4 word=ok
  ((status == 0)) || word=FAILED
  printf '%-8s %-6s %5d s  %s\n' "$name" "$word" "$seconds" "$counts"
}

# say_second_tries LOG: what failed at first and passed then, and the lines that say why.
say_second_tries() {
  local names
  mapfile -t names < <(comm -23 \
    <(sed -nE 's/^ *([0-9]+\/[0-9]+)? +Test +#[0-9]+: ([^ ]+) .*\*\*\*(Failed|Timeout|Exception).*/\2/p' "$1" | sort -u) \
    <(sed -nE 's/^\t *[0-9]+ - ([^ ]+) \(.*/\1/p' "$1" | sort -u))
  ((${#names[@]})) || return
  printf '    failed, then passed: %s\n' "${names[@]}"
  grep -E '^(not ok |FAIL: |ERROR: |\[  FAILED)|: Failure$' "$1" | sort -u | head -10 | sed 's/^/    | /'
}

begun=$SECONDS
: >"$out/tally"
for stage in "${stages[@]}"; do
  start=$SECONDS
  "stage_$stage" >>"$out/$stage.log" 2>&1
  status=$?
  counts=$(scripts/tally.py stage "$out" "$stage" "$status" | tee -a "$out/tally")
  say_stage "$stage" "$status" $((SECONDS - start)) "${counts#* }"
  say_second_tries "$out/$stage.log"
  if ((status != 0)); then
    grep -E '(\[  FAILED  \]|FAIL |FAIL: |error:|\*\*\*|ERROR: |runtime error|The following tests)' "$out/$stage.log" |
      sort -u | head -30 | sed 's/^/    /'
    scripts/tally.py why "$out" "$stage" | sed 's/^/    /'
    echo "    the whole log: $out/$stage.log; its end:"
    tail -15 "$out/$stage.log" | sed 's/^/    | /'
  fi
done
echo "$((SECONDS - begun)) s in all"
scripts/tally.py total "$out/tally" | tee "$out/summary"
