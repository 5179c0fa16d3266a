# SPDX-License-Identifier: BSD-2-Clause
# Classic programs that are no socket's filter are counted; the command says which and why.
ip link set lo up
modprobe cls_bpf 2>/dev/null
check "the module loads" load mode=on
elsewhere || failed=$((failed + 1))
in_kernel="xt_bpf, tc or a driver"
[ -d /sys/module/cls_bpf ] && command -v tc >/dev/null || in_kernel=
for kind in "a SO_REUSEPORT group" "a packet fanout group" "$in_kernel"; do
  [ -z "$kind" ] || check "ipjit kernel status: $kind" sh -c "ipjit kernel status | grep 'left alone.* 1, because: .*$kind'"
done
tc qdisc del dev lo clsact 2>/dev/null
check "the module unloads" unload
