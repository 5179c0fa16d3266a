#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs test scripts one after the other in the guest: guest.sh NAME...
#
# Each runs in a shell of its own with lib.sh read.  After each, what it left is taken away (processes,
# namespaces, links, the module), and the kernel's log is looked at: a complaint fails the script that was
# running.  A line "== NAME SECONDS" ends each script's output.
#
# On a debug kernel (kernel-glue/vm/debug-kernel.sh) kmemleak looks after each script, when the module is out
# and nothing may point to what it left; lockdep has to be at work still when all are through.

here=${0%/*}
complaint='BUG:|Oops|WARNING:|general protection|KASAN|UBSAN|circular locking|suspicious RCU|blocked for more|kmemleak: [0-9]+ new|refcount_t:'

# Whatever was not there when we began.
processes() {
  for entry in /proc/[0-9]*; do
    [ -e "$entry/exe" ] && echo "${entry#/proc/}"
  done
}

tidy() {
  for pid in $(processes | grep -vxFf /run/processes.before); do
    kill -9 "$pid" 2>/dev/null
  done
  ip netns list | while read -r name _; do ip netns delete "$name"; done
  ip -o link | sed -n 's/^[0-9]*: \([^:@]*\)[:@].*/\1/p' | while read -r link; do
    [ "$link" = lo ] || ip link delete "$link" 2>/dev/null
  done
  # A process that was killed may hold the device a moment longer.
  for _ in $(seq 100); do
    [ -d /sys/module/ipjit ] || break
    rmmod ipjit 2>/dev/null || sleep 0.3
  done
}

# Twice, because what was allocated in the last five seconds is not judged.
scan_for_leaks() {
  sleep 6
  echo scan >/sys/kernel/debug/kmemleak
  sleep 1
  echo scan >/sys/kernel/debug/kmemleak
}

leaks=
if [ -w /sys/kernel/debug/kmemleak ] && scan_for_leaks 2>/dev/null; then
  leaks=1
  # What the kernel itself left while it booted.
  echo clear >/sys/kernel/debug/kmemleak
fi

processes >/run/processes.before
dmesg --clear 2>/dev/null || dmesg -c >/dev/null
status=0
for name in "$@"; do
  begun=$(cut -d' ' -f1 /proc/uptime)
  (
    test_name=$name
    . "$here/lib.sh"
    cd "$here" || exit 1
    . "./${name}_test.sh"
    exit $((failed > 0))
  ) >/run/said 2>&1
  code=$?
  cat /run/said
  if [ $code -ne 0 ] && ! grep -q '^not ok ' /run/said; then
    echo "not ok $name ended with status $code"
  fi
  [ $code -eq 0 ] || status=1
  tidy
  if [ -d /sys/module/ipjit ]; then
    echo "not ok $name: the module cannot be unloaded"
    status=1
  fi
  if [ "$leaks" ]; then
    scan_for_leaks
    if grep -q . /sys/kernel/debug/kmemleak; then
      echo "not ok $name: memory is left that nothing points to"
      head -60 /sys/kernel/debug/kmemleak | sed 's/^/  | /'
      echo clear >/sys/kernel/debug/kmemleak
      status=1
    else
      echo "ok $name: kmemleak finds nothing"
    fi
  fi
  dmesg -c >/run/log
  if grep -Eq "$complaint" /run/log; then
    echo "not ok $name: the kernel complained"
    grep -E -A 40 "$complaint" /run/log | head -60 | sed 's/^/  | /'
    status=1
  fi
  echo "== $name $(echo "$begun $(cut -d' ' -f1 /proc/uptime)" | awk '{printf "%.1f", $2 - $1}') s"
done
if [ -e /proc/lockdep_stats ]; then
  if grep -q 'debug_locks: *1$' /proc/lockdep_stats; then
    echo "ok lockdep watched to the end"
  else
    echo "not ok lockdep gave up"
    status=1
  fi
fi
exit $status
