#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds a kernel that watches itself, for the virtual machine: KASAN, UBSAN, lockdep, PROVE_RCU, kmemleak.
#
#   kernel-glue/vm/debug-kernel.sh [DIRECTORY]    default build/debug-kernel
#   make -C kernel-glue KERNEL=$(cat DIRECTORY/release) KDIR=DIRECTORY/tree OUT=DIRECTORY
#   scripts/vm run --kernel DIRECTORY/root --module DIRECTORY/ipjit.ko -- ...
#
# From Debian's linux-source-6.1 (downloaded and unpacked below DIRECTORY if it is not installed), the
# smallest configuration in which the tests run, everything built in.  One directory, one configuration:
# run again, it builds what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=$(realpath -m "${1:-build/debug-kernel}")
jobs=${JOBS:-$(nproc)}
tree=$out/tree
die() { echo "debug-kernel: $*" >&2; exit 1; }
for tool in flex bison bc; do
  command -v $tool >/dev/null || die "no $tool: apt-get install flex bison bc libelf-dev"
done
[[ -e /usr/include/gelf.h ]] || die "no gelf.h, which objtool needs: apt-get install libelf-dev"
cc=gcc
if command -v ccache >/dev/null; then cc="ccache gcc"; fi
mkdir -p "$out"

unpack() {
  local archive=/usr/src/linux-source-6.1.tar.xz
  if [[ ! -e $archive ]]; then
    (cd "$out" && apt-get -qq download linux-source-6.1 && dpkg-deb -x linux-source-6.1_*.deb source) ||
      die "no $archive, and apt-get cannot download it: apt-get install linux-source-6.1"
    archive=$out/source/usr/src/linux-source-6.1.tar.xz
  fi
  mkdir -p "$tree.partial"
  tar -C "$tree.partial" --strip-components=1 -xf "$archive"
  mv "$tree.partial" "$tree"
}

# What the tests need of a kernel, beyond x86_64's tinyconfig.
system='
64BIT SMP PRINTK BUG KALLSYMS KALLSYMS_ALL MODULES MODULE_UNLOAD MULTIUSER SYSFS_SYSCALL POSIX_TIMERS FUTEX EPOLL
SIGNALFD TIMERFD EVENTFD SHMEM AIO ADVISE_SYSCALLS MEMBARRIER RSEQ FILE_LOCKING FHANDLE INOTIFY_USER HIGH_RES_TIMERS NO_HZ_IDLE
PREEMPT PCI PCI_MSI X86_MPPARSE TTY UNIX98_PTYS SERIAL_8250 SERIAL_8250_CONSOLE
BLK_DEV_INITRD BLOCK BLK_DEV BINFMT_ELF BINFMT_SCRIPT PROC_FS PROC_SYSCTL SYSFS TMPFS DEVTMPFS DEBUG_FS CGROUPS EXT2_FS
VIRTIO_MENU VIRTIO_PCI VIRTIO_PCI_LEGACY VIRTIO_CONSOLE VIRTIO_BLK USERFAULTFD CPU_MITIGATIONS RETPOLINE RETHUNK SLS STRICT_MODULE_RWX
'
network='
NET UNIX INET IPV6 PACKET PACKET_DIAG NAMESPACES NET_NS USER_NS PID_NS UTS_NS NETDEVICES NET_CORE VETH DUMMY VLAN_8021Q
BPF BPF_SYSCALL BPF_JIT BPF_JIT_ALWAYS_ON KPROBES FTRACE FUNCTION_TRACER DYNAMIC_FTRACE
'
watchers='
EXPERT DEBUG_KERNEL DEBUG_INFO_NONE DEBUG_BUGVERBOSE STACKTRACE FRAME_POINTER UNWINDER_FRAME_POINTER
KASAN KASAN_GENERIC KASAN_OUTLINE KASAN_VMALLOC KASAN_STACK SLUB SLUB_DEBUG UBSAN UBSAN_BOUNDS UBSAN_SHIFT FORTIFY_SOURCE
PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_PREEMPT DEBUG_LIST DEBUG_NOTIFIERS SCHED_STACK_END_CHECK DEBUG_WX
DEBUG_OBJECTS DEBUG_OBJECTS_WORK DEBUG_OBJECTS_TIMERS DEBUG_OBJECTS_RCU_HEAD DEBUG_KMEMLEAK
DETECT_HUNG_TASK SOFTLOCKUP_DETECTOR
'
# What comes along by default and only takes time.  Without ACPI the processors are found in the MP table,
# and the machine ends by a reset.
unwanted='
ACPI PNP CPU_FREQ CPU_IDLE VT INPUT SERIO HID USB_SUPPORT HWMON THERMAL PCIEASPM VGA_ARB CRYPTO_HW SWAP
PERF_EVENTS_INTEL_UNCORE PERF_EVENTS_INTEL_RAPL PERF_EVENTS_INTEL_CSTATE UPROBE_EVENTS KPROBE_EVENTS FUNCTION_GRAPH_TRACER
SERIAL_8250_PCI SERIAL_8250_EXAR SERIAL_8250_LPSS SERIAL_8250_MID SERIAL_8250_PERICOM LEGACY_PTYS
MQ_IOSCHED_DEADLINE MQ_IOSCHED_KYBER RD_BZIP2 RD_LZMA RD_XZ RD_LZO RD_LZ4 RD_ZSTD
ETHERNET WLAN WIRELESS ETHTOOL_NETLINK IPV6_SIT RUNTIME_TESTING_MENU
'
# What has to come out as it was asked for; kconfig drops a wish without a word if it depends on another.
promised='
KASAN KASAN_VMALLOC UBSAN_BOUNDS FORTIFY_SOURCE PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_PREEMPT DEBUG_LIST
DEBUG_OBJECTS_WORK DEBUG_KMEMLEAK PREEMPT SMP RETHUNK KPROBES KPROBES_ON_FTRACE BPF_JIT VETH VLAN_8021Q IPV6 NET_NS
VIRTIO_CONSOLE VIRTIO_BLK EXT2_FS MODULE_UNLOAD DEVTMPFS X86_MPPARSE
'

configure() {
  make -C "$tree" -s ARCH=x86_64 CC="$cc" tinyconfig
  local word
  for word in $system $network $watchers; do echo "CONFIG_$word=y"; done >"$out/wanted"
  cat >>"$out/wanted" <<'END'
CONFIG_DEBUG_KMEMLEAK_MEM_POOL_SIZE=16000
# CONFIG_DEBUG_KMEMLEAK_AUTO_SCAN is not set
CONFIG_LOCALVERSION="-ipjit-debug"
CONFIG_NR_CPUS=4
# CONFIG_CC_OPTIMIZE_FOR_SIZE is not set
CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y
# CONFIG_KERNEL_XZ is not set
CONFIG_KERNEL_GZIP=y
# CONFIG_WERROR is not set
# CONFIG_SLOB is not set
# CONFIG_UNWINDER_GUESS is not set
# CONFIG_PREEMPT_NONE is not set
END
  for word in $unwanted; do echo "# CONFIG_$word is not set"; done >>"$out/wanted"
  (cd "$tree" && scripts/kconfig/merge_config.sh -m .config "$out/wanted" >/dev/null && make -s ARCH=x86_64 CC="$cc" olddefconfig)
  for word in $promised; do
    grep -q "^CONFIG_$word=y" "$tree/.config" || die "the configuration came out without $word"
  done
}

[[ -d $tree ]] || unpack
[[ -e $out/configured ]] || configure
touch "$out/configured"
begun=$SECONDS
nice -n 10 make -C "$tree" -s -j "$jobs" ARCH=x86_64 CC="$cc" bzImage modules
release=$(make -C "$tree" -s ARCH=x86_64 CC="$cc" kernelrelease)
root=$out/root
mkdir -p "$root/boot" "$root/lib/modules/$release/kernel"
cp "$tree/arch/x86/boot/bzImage" "$root/boot/vmlinuz-$release"
cp "$tree"/modules.{order,builtin,builtin.modinfo} "$root/lib/modules/$release/"
depmod -b "$root" "$release"
echo "$release" >"$out/release"
echo "debug-kernel: $release in $root, built in $((SECONDS - begun)) s"
