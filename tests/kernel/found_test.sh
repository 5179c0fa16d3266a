# SPDX-License-Identifier: BSD-2-Clause
# Filters that no probe reported: attached before the module came, or with probes off in either way.
ip link set lo up
held() { # held TAG [VERB]: a process that holds four filters
  life "${2-hold}" 3000 "$1" >"/tmp/held.$1" &
  soon 60 grep -q held "/tmp/held.$1"
}

held 80000
held 80040 hold-behind-thread
check "the module loads" load mode=on
for tag in 80000 80001 80002 80003 80040 80041 80042 80043; do
  check "attached before: $tag" life find $tag
done

mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
echo 0 >/sys/kernel/debug/kprobes/enabled
held 80010
for tag in 80010 80011 80012 80013; do
  check "kprobes off: $tag" life find $tag
done
check "and runs our code" life native 80010
echo 1 >/sys/kernel/debug/kprobes/enabled

sysctl -qw kernel.ftrace_enabled=0
held 80020
for tag in 80020 80021 80022 80023; do
  check "ftrace off: $tag" life find $tag
done
sysctl -qw kernel.ftrace_enabled=1

check "the module unloads" unload
check "and comes back" load mode=off
check "mode off takes nothing" life absent 80000
unload
check "enabled=N" load enabled=N mode=on
check "takes nothing" life absent 80000
unload
refuse "a mode that does not exist" load mode=sometimes
refuse "a namespace word that does not exist" load netns=some
if sysctl -qw net.core.bpf_jit_enable=0 2>/dev/null; then
  refuse "a kernel that compiles no filters" load
  equal "and says so in one line" "$(dmesg | grep -c 'ipjit: not loaded: the kernel compiles no filters')" 1
  sysctl -qw net.core.bpf_jit_enable=1
else
  skip "a kernel that compiles no filters" "this one always does"
fi
