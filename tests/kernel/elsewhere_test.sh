# SPDX-License-Identifier: BSD-2-Clause
# Classic programs that are no socket's filter are counted; the command says which and why.
ip link set lo up
need tc
modprobe cls_bpf
check "the module loads" load mode=on
elsewhere || failed=$((failed + 1))
for kind in "a SO_REUSEPORT group" "a packet fanout group" "xt_bpf, tc or a driver"; do
  check "ipjit kernel status: $kind" sh -c "ipjit kernel status | grep 'left alone.* 1, because: .*$kind'"
done
tc qdisc del dev lo clsact
check "the module unloads" unload
