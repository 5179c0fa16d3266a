#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Compiles src/*.c with clang 19 and the options under which its output lands inside the verifier's
# subset; writes NAME-O1.txt and NAME-O2.txt: bytes and disassembly of the filter, then of every
# mutant with a check made too weak or taken away.  The results are committed; run this only to
# add a filter.
set -eu
cd "$(dirname "$0")"
root=../../..
clang=${CLANG:-clang-19}
flags="-std=gnu11 -ffreestanding -fno-builtin -mgeneral-regs-only -mno-red-zone -fno-stack-protector
  -fcf-protection=none -fno-jump-tables -fomit-frame-pointer -fno-asynchronous-unwind-tables
  -fno-vectorize -fno-slp-vectorize -fno-pic -mllvm -disable-branch-fold -mllvm -bonus-inst-threshold=0 -mllvm -disable-block-placement
  -I$root/include -Isrc"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

emit() {  # heading, level, source, -D...
  heading=$1 level=$2 source=$3
  shift 3
  $clang $flags "$level" "$@" -c "$source" -o "$work/f.o"
  if objdump -r -j .text "$work/f.o" | grep -q R_X86; then
    echo "$source $level: has relocations" >&2
    exit 1
  fi
  echo "== $heading"
  objdump -d -w -M intel "$work/f.o" | sed -n 's/^ *\([0-9a-f]*\):\t\([0-9a-f ]*[0-9a-f]\) *\t*\(.*\)$/\1: \2 ; \3/p'
}

for source in src/*.c; do
  name=$(basename "$source" .c)
  { cat "$source"; echo "int CHECKS_ARE __COUNTER__"; } >"$work/c.c"
  checks=$($clang $flags -E "$work/c.c" | sed -n 's/^int CHECKS_ARE \([0-9]*\)$/\1/p')
  for level in -O1 -O2; do
    {
      echo "# SPDX-License-Identifier: BSD-2-Clause"
      echo "# $name.c, $level, $($clang --version | sed -n 1p)"
      sed -n 's|^/\* contract: \(.*\) \*/$|# contract \1|p' "$source"
      emit accept $level "$source"
      i=0
      while [ $i -lt "$checks" ]; do
        emit "refuse: check $i too weak" $level "$source" -DWEAK=$i
        emit "refuse: check $i missing" $level "$source" -DGONE=$i
        i=$((i + 1))
      done
    } >"$name$level.txt"
  done
done
