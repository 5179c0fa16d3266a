#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Removes exactly what an install manifest lists, then the directories that this left empty.
#
#   scripts/uninstall.sh build-release/install_manifest.txt
#
# A file that the manifest names and somebody else removed is passed over; a directory that holds
# anything else stays.  DESTDIR is honoured as by the installation.
set -euo pipefail

manifest=${1:?usage: scripts/uninstall.sh MANIFEST}
root=${DESTDIR:-}
[[ -f $manifest ]] || { echo "uninstall: $manifest is missing: nothing was installed from here" >&2; exit 1; }

# A system-wide switch that is still on would leave every libpcap program without its library.
prefix_bin=$(grep -m1 '/bin/ipjit$' "$manifest" || true)
if [[ $prefix_bin && -x $root$prefix_bin && -z $root ]]; then
  "$prefix_bin" disable >/dev/null 2>&1 || true
  # Filters go back to the kernel's own code, and what the command has kept goes with it.
  [[ ! -d /sys/module/ipjit ]] || "$prefix_bin" kernel unload >/dev/null || true
  ((EUID != 0)) || rm -rf /etc/ipjit /var/lib/ipjit
fi

removed=0
while IFS= read -r file || [[ $file ]]; do
  if [[ -e $root$file || -L $root$file ]]; then
    rm -f -- "$root$file"
    removed=$((removed + 1))
  fi
done <"$manifest"

# Deepest first, so that a parent is empty by the time it is looked at.
sed 's|/[^/]*$||' "$manifest" | sort -u | awk '{ print length, $0 }' | sort -rn | cut -d' ' -f2- |
  while IFS= read -r dir; do
    while [[ $dir == *ipjit* || $dir == */abstractions/base.d ]]; do
      rmdir -- "$root$dir" 2>/dev/null || break
      dir=${dir%/*}
    done
  done
if [[ -z $root ]] && ((EUID == 0)); then
  rm -rf /dev/shm/ipjit-[0-9]* # statistics of finished filters
  ldconfig
fi
echo "$removed files removed"
