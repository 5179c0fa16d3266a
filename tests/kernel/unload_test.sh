# SPDX-License-Identifier: BSD-2-Clause
# The module comes and goes under traffic on two processors; no frame is lost, nothing is left behind.
# UNLOAD is the number of rounds, where the kernel's command line says so.
rounds=${UNLOAD:-10}
frames=$((rounds * 2000))
ip link set lo up
life traffic "$frames" >/tmp/traffic.1 &
first=$!
life traffic "$frames" >/tmp/traffic.2 &
second=$!
life churn 100000 1 >/dev/null &
churn=$!
done_rounds=0
while [ $done_rounds -lt "$rounds" ]; do
  load mode=on sample_shift=3 || break
  sleep 0.2
  # In use for as long as one of the three has the device open.
  soon 120 unload 2>/dev/null || break
  done_rounds=$((done_rounds + 1))
done
equal "rounds of load and unload" $done_rounds "$rounds"
echo "# $rounds rounds under twice $frames frames"
load mode=on
wait $first
equal "first stream" $? 0
wait $second
equal "second stream" $? 0
cat /tmp/traffic.1 /tmp/traffic.2
kill $churn
wait $churn 2>/dev/null
check "the module unloads" soon 120 unload
