# SPDX-License-Identifier: BSD-2-Clause
# vm: --cpu EPYC
# A CPU whose returns go through a thunk: code without room for it is refused, the rest runs.
check "this CPU wants return thunks" grep -q untrained /sys/devices/system/cpu/vulnerabilities/retbleed
check "the module loads" load mode=on sample_shift=4
/ipjit/bin/verdicts short || failed=$((failed + 1))
check "the module unloads" unload
check "the module loads, with few samples" load mode=on sample_shift=20
/ipjit/bin/hostile 2 500 thunk || failed=$((failed + 1))
check "the module unloads" unload
