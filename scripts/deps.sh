#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that a task needs: lists what is missing, asks, installs.
#
#   scripts/deps.sh demo         what `make demo` needs: compiler, libraries, tcpdump, network tools
#   scripts/deps.sh check        what `make check` needs: the above, tests, clang 19, DPDK, ...
#   scripts/deps.sh build        compiler and libraries alone
#   scripts/deps.sh -y check     the same without asking
#   scripts/deps.sh --list check prints the names and installs nothing
#
# Only packages that are not there are named and installed; with nothing missing it says nothing
# and needs no root.
set -euo pipefail

build=(g++ cmake ninja-build pkg-config libpcap-dev libasmjit-dev libfmt-dev libcli11-dev
       nlohmann-json3-dev libzydis-dev llvm-19-dev)
# The virtual machine; its kernel image is downloaded and unpacked by scripts/vm, not installed.
vm=(qemu-system-x86 busybox-static kmod e2fsprogs linux-headers-cloud-amd64 make)
demo=("${build[@]}" "${vm[@]}" tcpdump iproute2 iputils-ping ethtool procps python3 curl)
deb=("${build[@]}" dpkg-dev file)
bench=("${demo[@]}" libbenchmark-dev libdpdk-dev libgtest-dev libgmock-dev
       clang-19 libclang-rt-19-dev llvm-19 valgrind python3-matplotlib)
check=("${bench[@]}" "${deb[@]}" nftables git clang-format
       clang-tidy-19 lld-19 graphviz wireshark-common apparmor sudo libcap2-bin gdb man-db)

die() { echo "deps: $*" >&2; exit 1; }

yes=0 list=0 set_name=
for arg in "$@"; do
  case $arg in
    -y | --yes) yes=1 ;;
    --list) list=1 ;;
    build | demo | deb | bench | check) set_name=$arg ;;
    -h | --help) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "'$arg' is not build, demo, deb, bench, check, -y or --list" ;;
  esac
done
[[ $set_name ]] || die "say build, demo, deb, bench or check"
declare -n wanted=$set_name

if ((list)); then printf '%s\n' "${wanted[@]}" | sort -u; exit 0; fi
command -v dpkg-query >/dev/null || die "this machine has no dpkg: install by hand: ${wanted[*]}"

missing=()
for package in $(printf '%s\n' "${wanted[@]}" | sort -u); do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
    missing+=("$package")
done
((${#missing[@]})) || exit 0

echo "deps: 'make $set_name' needs ${#missing[@]} Debian packages that are not installed:"
printf '%s ' "${missing[@]}" | fold -s -w 92 | sed 's/^/  /'
echo

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    die "installing needs root and there is no sudo; as root: apt-get install ${missing[*]}"
  as_root=(sudo)
fi

if ((!yes)); then
  [[ -t 0 ]] || die "nobody to ask (no terminal): scripts/deps.sh -y $set_name"
  read -r -p "deps: install them with apt-get${as_root:+ (through sudo)}? [Y/n] " answer
  [[ $answer == "" || $answer == [Yy]* ]] || die "not installed"
fi

apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
# A fresh image has no package lists; old lists name versions that the mirror has dropped.
install() { "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null; }
if ! apt-cache show "${missing[@]}" >/dev/null 2>&1 || ! install 2>/dev/null; then
  "${apt[@]}" update || die "apt-get update failed: is there a network?"
  install || die "apt-get install failed: ${missing[*]}"
fi
echo "deps: installed ${#missing[@]} packages"
