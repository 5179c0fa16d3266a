#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds a kernel that watches itself, for the virtual machine: KASAN, lockdep, PROVE_RCU, kmemleak.
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
  command -v $tool >/dev/null || die "no $tool: apt-get install flex bison bc libelf-dev libssl-dev"
done
mkdir -p "$out"

unpack() {
  local archive=/usr/src/linux-source-6.1.tar.xz
  if [[ ! -e $archive ]]; then
    (cd "$out" && apt-get -qq download linux-source-6.1 && dpkg-deb -x linux-source-6.1_*.deb source)
    archive=$out/source/usr/src/linux-source-6.1.tar.xz
  fi
  mkdir -p "$tree.partial"
  tar -C "$tree.partial" --strip-components=1 -xf "$archive"
  mv "$tree.partial" "$tree"
}

# What the tests need of a kernel, beyond x86_64's tinyconfig.
wanted='
64BIT SMP X86_64 PRINTK BUG KALLSYMS KALLSYMS_ALL MODULES MODULE_UNLOAD MULTIUSER SYSFS_SYSCALL POSIX_TIMERS FUTEX EPOLL
SIGNALFD TIMERFD EVENTFD SHMEM AIO ADVISE_SYSCALLS MEMBARRIER RSEQ FILE_LOCKING FHANDLE HIGH_RES_TIMERS NO_HZ_IDLE
PCI ACPI PCI_MSI HYPERVISOR_GUEST PARAVIRT TTY UNIX98_PTYS SERIAL_8250 SERIAL_8250_CONSOLE
BLK_DEV_INITRD BLOCK BLK_DEV BINFMT_ELF BINFMT_SCRIPT PROC_FS PROC_SYSCTL SYSFS TMPFS DEVTMPFS DEBUG_FS TRACEFS_FS CGROUPS EXT2_FS
VIRTIO_MENU VIRTIO_PCI VIRTIO_PCI_LEGACY VIRTIO_CONSOLE VIRTIO_BLK HW_RANDOM
NET UNIX INET IPV6 PACKET NAMESPACES NET_NS USER_NS NETDEVICES NET_CORE VETH DUMMY BRIDGE VLAN_8021Q NETLINK_DIAG PACKET_DIAG
BPF BPF_SYSCALL BPF_JIT BPF_JIT_ALWAYS_ON KPROBES FTRACE FUNCTION_TRACER DYNAMIC_FTRACE RETPOLINE RETHUNK
STACKTRACE FRAME_POINTER UNWINDER_FRAME_POINTER DEBUG_KERNEL DEBUG_INFO_NONE DEBUG_BUGVERBOSE SECURITY
KASAN KASAN_GENERIC KASAN_OUTLINE KASAN_VMALLOC STACKDEPOT_ALWAYS_INIT SLUB SLUB_DEBUG
PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_LIST DEBUG_NOTIFIERS DEBUG_KMEMLEAK RCU_EXPERT
DETECT_HUNG_TASK SOFTLOCKUP_DETECTOR EMBEDDED EXPERT
'

configure() {
  make -C "$tree" -s ARCH=x86_64 tinyconfig
  local word
  for word in $wanted; do echo "CONFIG_$word=y"; done >"$out/wanted"
  cat >>"$out/wanted" <<'END'
CONFIG_DEBUG_KMEMLEAK_MEM_POOL_SIZE=16000
CONFIG_LOCALVERSION="-ipjit-debug"
CONFIG_NR_CPUS=4
# CONFIG_CC_OPTIMIZE_FOR_SIZE is not set
CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y
# CONFIG_KERNEL_XZ is not set
CONFIG_KERNEL_GZIP=y
# CONFIG_WERROR is not set
END
  (cd "$tree" && scripts/kconfig/merge_config.sh -m .config "$out/wanted" >/dev/null && make -s ARCH=x86_64 olddefconfig)
  for word in KASAN PROVE_LOCKING PROVE_RCU DEBUG_KMEMLEAK KPROBES BPF_JIT VETH VIRTIO_CONSOLE MODULE_UNLOAD; do
    grep -q "^CONFIG_$word=y" "$tree/.config" || die "the configuration came out without $word"
  done
}

[[ -d $tree ]] || unpack
[[ -e $tree/.config ]] || configure
begun=$SECONDS
nice -n 15 make -C "$tree" -s -j "$jobs" ARCH=x86_64 bzImage modules
release=$(make -C "$tree" -s ARCH=x86_64 kernelrelease)
root=$out/root
mkdir -p "$root/boot" "$root/lib/modules/$release/kernel"
cp "$tree/arch/x86/boot/bzImage" "$root/boot/vmlinuz-$release"
cp "$tree/modules.builtin" "$tree/modules.order" "$root/lib/modules/$release/" 2>/dev/null || true
depmod -b "$root" "$release"
echo "$release" >"$out/release"
echo "debug-kernel: $release in $root, built in $((SECONDS - begun)) s"
