# SPDX-License-Identifier: BSD-2-Clause
# Filters come and go on two processors, some with code: nothing leaks, all are given back.
# CHURN is the rounds of each of the two, where the kernel's command line says so.
each=${each:-${CHURN:-600}}
ip link set lo up
check "the module loads" load mode=on sample_shift=1
life churn "$each" 1 >/tmp/churn.1 &
first=$!
life churn "$each" 2 >/tmp/churn.2 &
second=$!
wait $first
equal "one half" $? 0
wait $second
equal "the other" $? 0
cat /tmp/churn.1 /tmp/churn.2
echo "# $((2 * each)) rounds on $(nproc) processors"
check "all code of them is given back" soon 60 life idle
check "the module unloads" unload
