#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds what is installed and nothing else, with one line of progress on a terminal.
#
#   scripts/build.sh build-release [-DOPTION=VALUE ...]
#
# Tests and benchmarks are configured off unless an option says otherwise, so that a first build on
# two cores takes as little as it can.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=${1:?usage: scripts/build.sh DIRECTORY [cmake options]}
shift
mkdir -p "$dir"
if ! cmake --preset release -B "$dir" -DIPJIT_TESTS=OFF -DIPJIT_BENCH=OFF "$@" >"$dir/configure.log" 2>&1
then
  cat "$dir/configure.log" >&2
  echo "build: configuring failed" >&2
  exit 1
fi
if [[ -t 1 ]]; then
  NINJA_STATUS='[%f/%t] ' ninja -C "$dir"
else
  ninja -C "$dir" >"$dir/build.log" 2>&1 || { cat "$dir/build.log" >&2; exit 1; }
fi
