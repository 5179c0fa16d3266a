#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What is loaded into other people's processes loads no LLVM, however far one looks; the compile
# server does, so the test would see it.
#
#   tests/tier2_remote/loads_no_llvm_test.sh [--server PROGRAM] LIBRARY...
set -uo pipefail
failed=0
loads_llvm() { grep -q 'libLLVM' <<<"$(ldd "$1")"; }
if [[ ${1:-} == --server ]]; then
  loads_llvm "$2" || { echo "FAIL $2 loads no LLVM: nothing to be seen here"; failed=1; }
  shift 2
fi
(($#)) || { echo "FAIL no library was named"; exit 1; }
for library; do
  if ! [[ -r $library ]] || loads_llvm "$library"; then
    echo "FAIL $library:"
    ldd "$library"
    failed=1
  else
    echo "PASS $library"
  fi
done
exit $failed
