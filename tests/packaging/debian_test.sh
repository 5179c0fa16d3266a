#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The packages on a Debian with systemd, in a virtual machine with a disk: install, boot, a kernel
# upgrade, a boot after the machine has just stopped, the hardened daemon under traffic, the switch on the
# command line, tcpdump confined by AppArmor, purge.
#
#   tests/packaging/debian_test.sh DIRECTORY-WITH-DEBS [WORK-DIRECTORY [STAGE...]]
#
# Without stages all of it: prepare first upgrade upgraded stop unclean disabled purge, each of which
# takes the disk as the one before has left it.
#
# By hand: it needs root, the network (a Debian archive), debootstrap, qemu-system-x86, 6 GB of disk
# and half an hour of software emulation.  The bare Debian is kept in WORK-DIRECTORY/base for the next
# time.  Packages are installed and the kernel is upgraded in a chroot, where compilers run at full
# speed; what needs a running systemd and the module happens in the machine: each boot runs one of the
# stages below as a service and says PASS or FAIL for each step on the second serial line.
set -uo pipefail
debs=$(realpath "${1:?usage: debian_test.sh DIRECTORY-WITH-DEBS [WORK-DIRECTORY [STAGE...]]}")
work=${2:-/var/tmp/ipjit-debian-test}
stages=${*:3}
: "${stages:=prepare first upgrade upgraded stop unclean disabled purge}"
old=${IPJIT_OLD_KERNEL:-6.1.0-55-cloud-amd64} new=${IPJIT_NEW_KERNEL:-6.1.0-56-cloud-amd64}
mirror=http://deb.debian.org/debian
mkdir -p "$work"
passed=0 failed=0

say() { # say PASS|FAIL NAME
  echo "$1 $2"
  if [[ $1 == PASS ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
check() { # check NAME COMMAND...
  local name=$1
  shift
  if "$@" >"$work/log" 2>&1; then say PASS "$name"; else say FAIL "$name"; tail -20 "$work/log" | sed 's/^/    /'; fi
}
# in_root FOLDER COMMAND...: a chroot that goes away with its mounts; dkms reads /proc and /dev/fd.
in_root() {
  DEBIAN_FRONTEND=noninteractive unshare --mount sh -c \
    'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$@"' sh "$@"
}
apt_in() { in_root "$1" apt-get -qq -y --no-install-recommends "${@:2}"; }

make_base() {
  debootstrap --variant=minbase --include=systemd-sysv,udev,dbus,kmod,ca-certificates,iproute2,procps,tcpdump,initramfs-tools,libpam-systemd,apparmor \
    bookworm "$work/base" $mirror || return
  printf 'deb %s bookworm main\ndeb %s-security bookworm-security main\n' $mirror $mirror >"$work/base/etc/apt/sources.list"
  printf '#!/bin/sh\nexit 101\n' >"$work/base/usr/sbin/policy-rc.d"
  chmod +x "$work/base/usr/sbin/policy-rc.d"
  cp /etc/resolv.conf "$work/base/etc/"
  apt_in "$work/base" update && apt_in "$work/base" install "linux-image-$old" "linux-headers-$old" dkms gcc make iputils-ping \
    libllvm19 libpcap0.8 libzydis4.0 libfmt9 || return
  apt_in "$work/base" install -d "linux-image-$new" "linux-headers-$new"
}

# Runs in the machine: stage.sh STAGE.
write_stages() {
  cat >"$root/opt/stage.sh" <<'STAGES'
#!/bin/bash
exec >/dev/ttyS1 2>&1
say() { if "${@:2}" >/opt/log 2>&1; then echo "PASS $1"; else echo "FAIL $1"; tail -25 /opt/log | sed 's/^/    /'; fi; }
soon() { # soon SECONDS COMMAND...: an emulated machine may need a while for everything
  local end=$((SECONDS + $1))
  until "${@:2}"; do ((SECONDS < end)) || return 1; sleep 1; done
}
not() { ! "$@"; }
json() { ipjit kernel status --json; }
is_mode() { json | tee /dev/stderr | grep -q "\"mode\": \"$1\",\$"; }
says() { local text; text=$("${@:2}" 2>&1); echo "$text"; grep -qF -- "$1" <<<"$text"; }
loaded() { [[ -d /sys/module/ipjit ]]; }
daemon() { systemctl show -P MainPID ipjitd.service; }
runs_unprivileged() {
  local pid
  pid=$(daemon)
  [[ $(ps -o user= -p "$pid") == ipjit ]] && grep '^CapEff:\s*0*$' "/proc/$pid/status" && grep '^NoNewPrivs:\s*1$' "/proc/$pid/status"
}
device_is_grouped() { [[ $(stat -c '%G %a' /dev/ipjit) == "ipjit 660" ]]; }
no_unit_failed() { ! systemctl --failed --plain --no-legend | grep ipjit; }
nothing_loaded() { ! loaded && [[ ! -e /var/lib/ipjit/loaded && $(daemon) == 0 ]]; }
both_run() { ipjit kernel load && loaded && soon 120 runs_unprivileged; }
of_tcpdump() { # of_tcpdump KEY VALUE: the filter of the tcpdump that runs
  ipjit stats --json | tr -d ' \n' | grep -q "\"$1\":\"\?$2\"\?[,}]"
}
sender() { # datagrams of zeros to port 9, a few thousand a second; somebody has the port, so no ICMP comes back
  perl -MSocket -e 'socket(my $r, PF_INET, SOCK_DGRAM, 0); bind($r, sockaddr_in(9, INADDR_ANY));
    socket(my $s, PF_INET, SOCK_DGRAM, 0); my $to = sockaddr_in(9, inet_aton("127.0.0.1"));
    while (1) { send($s, "\0" x 64, 0, $to) for 1 .. 200; select(undef, undef, undef, 0.002); }'
}
# What pays to specialise even for the packets of an emulated machine: twelve words of zeros.
filter='udp port 9'
for at in 8 12 16 20 24 28 32 36 40 44 48 52; do filter="$filter and udp[$at:4] = 0"; done
begin_traffic() {
  tcpdump -i lo -n -w /opt/lo.pcap "${1:-$filter}" &
  dump=$!
  sender &
  sender=$!
}
end_traffic() {
  kill $dump $sender
  wait $dump $sender
  rm -f /opt/lo.pcap
}
gets_code() {
  begin_traffic
  soon 120 of_tcpdump engine tier1
  local seen=$?
  ipjit stats --why
  end_traffic
  return $seen
}
working() {
  say "$1: the module was loaded at boot" soon 120 loaded
  say "$1: the daemon runs as its user, without capabilities" soon 240 runs_unprivileged
  say "$1: the device is its group's" device_is_grouped
  say "$1: tcpdump's filter gets native code" gets_code
  say "$1: doctor finds nothing broken" ipjit doctor
  say "$1: no unit has failed" no_unit_failed
  ipjit kernel; ipjit stats; ipjit budget
}
# The compile server is started by who is confined as the daemon is: the unit's own sandbox, before it.
# `ipjit doctor` does not wait long for an answer, and LLVM loads slowly here.
serves_in_sandbox() {
  mkdir -p /run/systemd/system/ipjitd.service.d
  cat >/opt/asks.sh <<'ASKS'
for _ in $(seq 20); do
  line=$(ipjit doctor | grep ' tier2 ')
  echo "$line"
  [[ $line == ok* ]] && break
  sleep 2
done
ps -o user=,comm= -C ipjit-tier2
ASKS
  printf '[Service]\nExecStartPre=-/bin/bash /opt/asks.sh\n' >/run/systemd/system/ipjitd.service.d/asks.conf
  systemctl daemon-reload && systemctl restart ipjitd.service
  rm -r /run/systemd/system/ipjitd.service.d
  systemctl daemon-reload
  journalctl -u ipjitd.service -b -o cat --no-pager | tail -30 | tee /opt/said
  grep '^ok  *tier2 ' /opt/said && grep '^ipjit  *ipjit-tier2' /opt/said
}
another_daemon() { local now; now=$(daemon); ((now != 0 && now != $1)) && runs_unprivileged; }
under_traffic() {
  local before
  begin_traffic
  say "under traffic: native code decides" soon 120 of_tcpdump engine "tier[12]"
  say "under traffic: tier 2 by itself" soon 400 of_tcpdump tier 2
  ipjit stats --why
  before=$(daemon)
  say "systemctl kill -s KILL ipjitd" systemctl kill -s KILL ipjitd.service
  say "the filter keeps its code" of_tcpdump engine "tier[12]"
  say "systemd starts another daemon" soon 240 another_daemon "$before"
  say "which knows the filter" soon 120 grep -q '"comm": "tcpdump"' /run/ipjit/status.json
  say "and leaves its code" of_tcpdump engine "tier[12]"
  end_traffic
  begin_traffic 'udp port 9 and udp[60:4] = 0 and udp[56:4] = 0'
  say "and compiles for the next one" soon 120 of_tcpdump engine tier1
  end_traffic
  say "no difference" says '"differences": 0' json
}
confined() { [[ $(cat "/proc/$1/attr/current") == "tcpdump (enforce)" ]]; }
same_packets() { # the drop-in in a confined tcpdump
  tcpdump -n -r /opt/x.pcap 'udp port 9 and udp[8:4] = 0' >/opt/without 2>/dev/null
  ipjit enable && tcpdump -n -r /opt/x.pcap 'udp port 9 and udp[8:4] = 0' >/opt/with 2>/opt/err
  ipjit disable
  cat /opt/err
  ls -la /opt/with
  [[ -s /opt/with ]] && cmp /opt/without /opt/with && ! grep ipjit /opt/err && of_tcpdump engine tier1
}
apparmor_denied_nothing() { ! journalctl -k -b --no-pager | grep 'apparmor="DENIED".*ipjit'; }
under_apparmor() {
  say "AppArmor enforces tcpdump's profile" grep -x 'tcpdump (enforce)' /sys/kernel/security/apparmor/profiles
  say "doctor knows the fragment" says "profiles have ipjit's fragment" ipjit doctor
  tcpdump -i lo -n -U -w /opt/x.pcap udp &
  dump=$!
  sender &
  sender=$!
  soon 60 test -s /opt/x.pcap
  say "tcpdump is confined" confined $dump
  sleep 3
  kill $sender $dump
  wait $sender $dump
  say "confined, the drop-in: the same packets, native code" same_packets
  say "AppArmor refused ipjit nothing" apparmor_denied_nothing
  rm -f /opt/x.pcap
}
no_user() { ! getent passwd ipjit && ! getent group ipjit; }
no_file() {
  ! find / -xdev \( -path /proc -o -path /opt \) -prune -o -name '*ipjit*' -print | grep . &&
    ! find /dev /run -name '*ipjit*' | grep .
}
case $1 in
first)
  working "first boot"
  say "first boot: it observes" is_mode observe
  say "unload stops the daemon" ipjit kernel unload
  say "unload leaves no module, no marker" nothing_loaded
  say "load brings both back" both_run
  say "mode on" ipjit kernel mode on
  say "pause and resume" bash -c 'ipjit kernel pause && ipjit kernel resume'
  ;;
upgraded)
  working "upgraded kernel"
  say "upgraded kernel: the mode was kept" is_mode on
  ;;
stop) # as a machine stops that loses its power: the host ends it
  soon 240 runs_unprivileged
  sync
  echo READY
  sleep 1000
  ;;
unclean)
  say "after an unclean boot it is off" is_mode off
  say "and says why" says "stopped without a shutdown" ipjit kernel
  say "so does doctor" says "stopped without a shutdown" ipjit doctor
  say "a mode lets it go" bash -c 'ipjit kernel mode on && ipjit kernel | grep -F "on; at the next start on"'
  under_traffic
  say "hardened unit: the compile server starts and compiles" serves_in_sandbox
  systemd-analyze security ipjitd.service --no-pager | tail -1
  ;;
disabled)
  say "ipjit.enabled=0: nothing is taken over" says "takes over nothing" ipjit kernel
  under_apparmor
  ;;
purge)
  say "purge" bash -c 'DEBIAN_FRONTEND=noninteractive dpkg -P ipjitd ipjit-dkms ipjit-tier2 ipjit'
  say "no module" not loaded
  say "no device" test ! -e /dev/ipjit
  say "no process" not pgrep ipjit
  say "no user, no group" no_user
  say "no file" no_file
  ;;
esac
dmesg | grep -E 'BUG|Oops|WARNING:|lockdep|refcount_t|ipjit' | tail -20
echo DONE
STAGES
  cat >"$root/etc/systemd/system/stage.service" <<'UNIT'
[Unit]
After=multi-user.target
ConditionKernelCommandLine=stage
[Service]
Type=oneshot
StandardOutput=journal+console
ExecStart=/bin/bash -c '/bin/bash /opt/stage.sh $(sed "s/.*stage=\\([a-z]*\\).*/\\1/" /proc/cmdline); systemctl poweroff'
[Install]
WantedBy=multi-user.target
UNIT
  # At one packet of 1,024 an emulated machine would be sampled for hours.
  echo 'options ipjit sample_shift=4' >"$root/etc/modprobe.d/stage.conf"
  mkdir -p "$root/etc/systemd/system.conf.d"
  printf '[Manager]\nDefaultTimeoutStartSec=900s\nDefaultDeviceTimeoutSec=900s\n' >"$root/etc/systemd/system.conf.d/stage.conf"
  chroot "$root" systemctl enable stage.service
}

machine_seconds=3000 # for one boot and its stage
boot() { # boot STAGE KERNEL [WORDS]: boots, waits, and passes on what the stage said
  local stage=$1 kernel=$2 words=${3:-} begun=$SECONDS
  : >"$work/$stage.steps"
  nice -n 5 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2G -display none -no-reboot \
    -kernel "$work/boot/vmlinuz-$kernel" -initrd "$work/boot/initrd.img-$kernel" \
    -append "root=/dev/vda rw console=ttyS0 panic=-1 no_timer_check tsc=reliable stage stage=$stage $words" \
    -drive file="$work/disk.ext4",format=raw,if=virtio,cache=writeback \
    -serial file:"$work/$stage.console" -serial file:"$work/$stage.steps" &
  local qemu=$!
  while kill -0 $qemu 2>/dev/null; do
    [[ $stage == stop ]] && grep -q READY "$work/$stage.steps" && kill -9 $qemu
    ((SECONDS - begun < machine_seconds)) || { kill -9 $qemu && say FAIL "$stage: the machine went down by itself"; }
    sleep 1
  done
  wait $qemu 2>/dev/null
  tr -d '\r' <"$work/$stage.steps" | sed 's/^/  /'
  echo "  $stage: $((SECONDS - begun)) s"
  passed=$((passed + $(grep -c '^PASS' "$work/$stage.steps"))) failed=$((failed + $(grep -c '^FAIL' "$work/$stage.steps")))
  [[ $stage == stop ]] || grep -q DONE "$work/$stage.steps" || say FAIL "$stage: reached its end"
}

# What changes on the disk outside the machine: a new one is made of the tree.
make_disk() {
  rm -f "$root/usr/sbin/policy-rc.d" # from here on services may be stopped, too
  rm -f "$work/disk.ext4"
  mke2fs -q -t ext4 -d "$root" "$work/disk.ext4" 5G && cp "$root"/boot/vmlinuz-* "$root"/boot/initrd.img-* "$work/boot/"
}
# The kernel is upgraded on the machine's own disk.
on_disk() { # on_disk COMMAND...: mounts it, runs the command with its folder
  mkdir -p "$work/mnt" && mount -o loop "$work/disk.ext4" "$work/mnt" || return
  "$@" "$work/mnt"
  local status=$?
  umount "$work/mnt"
  return $status
}
upgrade() {
  apt_in "$1" install "linux-image-$new" "linux-headers-$new" && cp "$1"/boot/vmlinuz-"$new" "$1"/boot/initrd.img-"$new" "$work/boot/"
}
has_module() { find "$1/lib/modules/$2/updates" -name 'ipjit.ko*' | grep .; }
has_signature() { has_module "$@" && tail -c 28 "$(has_module "$@")" | grep -x '~Module signature appended~'; }

[[ -e $work/base/usr/sbin/policy-rc.d ]] || make_base || exit 1
root=$work/root
for stage in $stages; do
  case $stage in
  prepare)
    rm -rf "$root" && cp -a "$work/base" "$root" && mkdir -p "$work/boot"
    cp "$debs"/*.deb "$root/opt/"
    write_stages
    check "the packages install" in_root "$root" sh -c 'dpkg -i /opt/*.deb'
    check "dkms has built the module for $old" has_module "$root" "$old"
    check "and signed it with a key of this machine" has_signature "$root" "$old"
    check "make a disk" make_disk
    ;;
  first) boot first "$old" ;;
  upgrade)
    check "the kernel is upgraded" on_disk upgrade
    check "dkms has built the module for $new" on_disk sh -c 'find "$1"/lib/modules/'"$new"'/updates -name "ipjit.ko*" | grep .' sh
    ;;
  upgraded | stop | unclean | purge) boot "$stage" "$new" ;;
  disabled) boot disabled "$new" ipjit.enabled=0 ;;
  *) say FAIL "'$stage' is no stage" ;;
  esac
done
echo "$passed passed, $failed failed"
((failed == 0))
