#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The packages on a Debian with systemd, in a virtual machine with a disk: install, boot, a kernel
# upgrade, a boot after the machine has just stopped, the switch on the command line, purge.
#
#   tests/packaging/debian_test.sh DIRECTORY-WITH-DEBS [WORK-DIRECTORY]
#
# By hand: it needs root, the network (a Debian archive), debootstrap, qemu-system-x86, 6 GB of disk
# and half an hour of software emulation.  The bare Debian is kept in WORK-DIRECTORY/base for the next
# time.  Packages are installed and the kernel is upgraded in a chroot, where compilers run at full
# speed; what needs a running systemd and the module happens in the machine: each boot runs one of the
# stages below as a service and says PASS or FAIL for each step on the second serial line.
set -uo pipefail
debs=$(realpath "${1:?usage: debian_test.sh DIRECTORY-WITH-DEBS [WORK-DIRECTORY]}")
work=${2:-/var/tmp/ipjit-debian-test}
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
  debootstrap --variant=minbase --include=systemd-sysv,udev,dbus,kmod,ca-certificates,iproute2,procps,tcpdump,initramfs-tools,libpam-systemd \
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
say() { if "${@:2}" >/opt/log 2>&1; then echo "PASS $1"; else echo "FAIL $1"; tail -15 /opt/log | sed 's/^/    /'; fi; }
json() { ipjit kernel status --json; }
is_mode() { json | tee /dev/stderr | grep -q "\"mode\": \"$1\",\$"; }
says() { local text; text=$("${@:2}" 2>&1); echo "$text"; grep -qF -- "$1" <<<"$text"; }
runs_unprivileged() { [[ $(ps -o user= -C ipjitd) == ipjit ]] && grep -q '^CapPrm:\s*0*$' "/proc/$(pidof ipjitd)/status"; }
device_is_grouped() { [[ $(stat -c '%G %a' /dev/ipjit) == "ipjit 660" ]]; }
sees_tcpdump() { # one real capture, seen by the module and compiled by the daemon
  tcpdump -i lo -n -w /opt/lo.pcap 'icmp and greater 50' &
  local dump=$! i
  for i in $(seq 40); do
    sleep 0.5
    ping -c 2 -q -i 0.2 127.0.0.1
    ipjit stats | grep -A1 tcpdump | grep -q tier && break
  done
  ipjit stats --why
  ipjit stats | grep -A1 tcpdump | grep -q tier
  local seen=$?
  kill $dump
  wait $dump
  return $seen
}
working() {
  say "$1: the module was loaded at boot" test -d /sys/module/ipjit
  say "$1: the daemon runs as its user, without capabilities" timeout 240 bash -c "$(declare -f runs_unprivileged); until runs_unprivileged; do sleep 1; done"
  say "$1: the device is its group's" device_is_grouped
  say "$1: tcpdump's filter gets native code" sees_tcpdump
  say "$1: doctor finds nothing broken" ipjit doctor
  ipjit kernel; ipjit stats; ipjit budget
}
case $1 in
first)
  working "first boot"
  say "first boot: it observes" is_mode observe
  say "first boot: no unit has failed" bash -c '! systemctl --failed --plain --no-legend | grep ipjit'
  say "unload stops the daemon" ipjit kernel unload
  say "unload leaves no module, no marker" bash -c '! test -d /sys/module/ipjit && ! test -e /var/lib/ipjit/loaded && ! pidof ipjitd'
  say "load brings both back" bash -c 'ipjit kernel load && test -d /sys/module/ipjit && sleep 5 && pidof ipjitd'
  say "mode on" ipjit kernel mode on
  say "pause and resume" bash -c 'ipjit kernel pause && ipjit kernel resume'
  systemd-analyze security ipjitd.service --no-pager | tail -1
  ;;
upgraded)
  working "upgraded kernel"
  say "upgraded kernel: the mode was kept" is_mode on
  ;;
stop) # as a machine stops that loses its power: the host ends it
  sync
  echo READY
  sleep 1000
  ;;
unclean)
  say "after an unclean boot it is off" is_mode off
  say "and says why" says "stopped without a shutdown" ipjit kernel
  say "so does doctor" says "stopped without a shutdown" ipjit doctor
  say "a mode lets it go" bash -c 'ipjit kernel mode on && ipjit kernel | grep -F "on; at the next start on"'
  ;;
disabled)
  say "ipjit.enabled=0: nothing is taken over" says "takes over nothing" ipjit kernel
  ;;
purge)
  say "purge" bash -c 'DEBIAN_FRONTEND=noninteractive dpkg -P ipjitd ipjit-dkms ipjit-tier2 ipjit'
  say "no module" bash -c '! test -d /sys/module/ipjit && ! test -e /dev/ipjit'
  say "no process" bash -c '! pgrep ipjit'
  say "no user, no group" bash -c '! getent passwd ipjit && ! getent group ipjit'
  say "no file" bash -c '! find / -xdev \( -path /proc -o -path /opt \) -prune -o -name "*ipjit*" -print | grep . && ! find /dev /run -name "*ipjit*" | grep .'
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
  chroot "$root" systemctl enable stage.service
}

boot() { # boot STAGE KERNEL [WORDS]: boots, waits, and passes on what the stage said
  local stage=$1 kernel=$2 words=${3:-}
  : >"$work/$stage.steps"
  nice -n 5 qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 2G -display none -no-reboot \
    -kernel "$work/boot/vmlinuz-$kernel" -initrd "$work/boot/initrd.img-$kernel" \
    -append "root=/dev/vda rw console=ttyS0 panic=-1 stage stage=$stage $words" \
    -drive file="$work/disk.ext4",format=raw,if=virtio,cache=writeback \
    -serial file:"$work/$stage.console" -serial file:"$work/$stage.steps" &
  local qemu=$! second
  for ((second = 0; second < 2400; second++)); do
    kill -0 $qemu 2>/dev/null || break
    [[ $stage == stop ]] && grep -q READY "$work/$stage.steps" && kill -9 $qemu
    sleep 1
  done
  kill $qemu 2>/dev/null && say FAIL "$stage: the machine went down by itself"
  wait $qemu 2>/dev/null
  tr -d '\r' <"$work/$stage.steps" | sed 's/^/  /'
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

[[ -e $work/base/usr/sbin/policy-rc.d ]] || make_base || exit 1
root=$work/root
rm -rf "$root" && cp -a "$work/base" "$root" && mkdir -p "$work/boot"
cp "$debs"/*.deb "$root/opt/"
write_stages
check "the packages install" in_root "$root" sh -c 'dpkg -i /opt/*.deb'
check "dkms has built the module for $old" has_module "$root" "$old"
check "make a disk" make_disk
boot first "$old"
check "the kernel is upgraded" on_disk upgrade
check "dkms has built the module for $new" on_disk sh -c 'find "$1"/lib/modules/'"$new"'/updates -name "ipjit.ko*" | grep .' sh
boot upgraded "$new"
boot stop "$new"
boot unclean "$new"
boot disabled "$new" ipjit.enabled=0
boot purge "$new"
echo "$passed passed, $failed failed"
((failed == 0))
