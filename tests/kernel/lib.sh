# SPDX-License-Identifier: BSD-2-Clause
# What the scripts of this folder share; guest.sh has read it before each of them.
#
# A script says "ok NAME" or "not ok NAME" for each single test, mostly through check and equal.

failed=0

ok() { echo "ok $*"; }

not_ok() {
  echo "not ok $*"
  failed=$((failed + 1))
}

# check NAME COMMAND...: passes if the command does; shows what it said if not.
check() {
  check_name=$1
  shift
  if check_said=$("$@" 2>&1); then
    ok "$check_name"
  else
    not_ok "$check_name"
    echo "$check_said" | sed 's/^/  | /'
  fi
}

# refuse NAME COMMAND...: passes if the command fails, and is not killed.
refuse() {
  refuse_name=$1
  shift
  refuse_said=$("$@" 2>&1)
  refuse_status=$?
  if [ $refuse_status -ne 0 ] && [ $refuse_status -lt 128 ]; then
    ok "$refuse_name"
  else
    not_ok "$refuse_name: status $refuse_status"
    echo "$refuse_said" | sed 's/^/  | /'
  fi
}

# equal NAME GOT WANTED
equal() {
  if [ "$2" = "$3" ]; then
    ok "$1"
  else
    not_ok "$1: '$2' is not '$3'"
  fi
}

# skip NAME WHY
skip() { echo "skip $1: $2"; }

# need COMMAND...: ends the script, skipped, where the guest lacks one.
need() {
  for need_name in "$@"; do
    command -v "$need_name" >/dev/null || {
      skip "$test_name" "no $need_name"
      exit 0
    }
  done
}

# soon SECONDS COMMAND...: tries until the command succeeds; some times in any case, because the guest's clock
# goes on while its host has no time for it.
soon() {
  soon_end=$(($(cut -d. -f1 /proc/uptime) + $1))
  soon_tries=20
  shift
  until "$@"; do
    soon_tries=$((soon_tries - 1))
    [ $soon_tries -gt 0 ] || [ "$(cut -d. -f1 /proc/uptime)" -lt $soon_end ] || return 1
    sleep 0.1
  done
}

# a_while: three seconds.  Of many small pieces a host that stops for a moment takes one.
a_while() { for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 0.2; done; }

# A process that nobody has waited for has no program any more.
has_ended() { ! [ -e "/proc/$1/exe" ]; } # has_ended PID

module_is_loaded() { [ -d /sys/module/ipjit ]; }

# load [PARAMETER=VALUE...]
load() { insmod /ipjit/ipjit.ko "$@"; }
unload() { rmmod ipjit; }

# veth [MTU]: v0 here, v1 in the namespace `peer`; 192.0.2.1 and .2, 2001:db8::1 and ::2.
veth() {
  ip netns add peer
  ip link add v0 type veth peer name v1 netns peer
  ip addr add 192.0.2.1/24 dev v0
  ip addr add 2001:db8::1/64 dev v0 nodad
  ip -n peer addr add 192.0.2.2/24 dev v1
  ip -n peer addr add 2001:db8::2/64 dev v1 nodad
  ip -n peer link set lo up
  ip link set v0 up mtu "${1:-1500}"
  ip -n peer link set v1 up mtu "${1:-1500}"
}
