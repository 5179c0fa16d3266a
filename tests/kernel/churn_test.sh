# SPDX-License-Identifier: BSD-2-Clause
# 10,000 filters come and go on two processors while policy changes: nothing leaks, all are given back.
each=${IPJIT_CHURN:-5000}
ip link set lo up
check "the module loads" load mode=on sample_shift=1
life churn "$each" 1 >/tmp/churn.1 &
first=$!
life churn "$each" 2 >/tmp/churn.2 &
second=$!
check "one half" wait $first
check "the other" wait $second
cat /tmp/churn.1 /tmp/churn.2
check "all code of them is given back" soon 15 life idle
check "the module unloads" unload
