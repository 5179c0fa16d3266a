# SPDX-License-Identifier: BSD-2-Clause
# Network namespaces: left alone by default, covered by netns=all, gone with their sockets.
ip link set lo up
veth
inside() {
  ip netns exec peer life hold 3000 "$1" >"/tmp/held.$1" &
  holder=$!
  soon 60 grep -q held "/tmp/held.$1"
}

check "the module loads" load mode=on
inside 81000
check "another namespace is left alone" life absent 81000
unload
check "netns=all" load mode=on netns=all
check "covers it" life find 81000
check "with code" life native 81000
kill "$holder"
ip netns delete peer
check "the namespace goes, its filter too" soon 60 life absent 81000
check "the module unloads" unload
