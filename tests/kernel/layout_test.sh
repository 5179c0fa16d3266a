# SPDX-License-Identifier: BSD-2-Clause
# A module that finds its kernel to be another than it knows refuses to load, and one line says why.
# The lies are those of kernel-glue/layout.c; "compiles no filters" is in found_test.sh.
if [ ! -e /lying.ko ]; then
  skip "refusals" "no module that lies (ninja ipjit_lying_ko)"
  exit 0
fi
release=$(uname -r)
said() { dmesg | sed -n "s/.*\(ipjit: not loaded: .* on $release\)\$/\1/p" | tail -1; }
refuses_for() { # refuses_for LIE LINE
  refuse "$1" insmod /lying.ko mode=on "lie=$1"
  equal "$1 is said" "$(said)" "ipjit: not loaded: $2 on $release"
  equal "$1 leaves nothing" "$(lsmod | grep -c '^ipjit')" 0
}
check "without a lie it loads" insmod /lying.ko mode=on
check "and unloads" unload
refuses_for release "no knowledge of this kernel's filters (6.1 and 6.12 are known)"
refuses_for locks "locks that sleep (PREEMPT_RT)"
refuses_for call "compiled filters are called otherwise than known"
refuses_for reach "compiled filters are out of a jump's reach"
refuses_for packet "packets are laid out otherwise than known"
refuses_for fields "packets are laid out otherwise than known"
refuses_for pull "the kernel's code cannot be reached behind ours"
refuses_for count "per-CPU memory is laid out otherwise than known"
check "afterwards the other one loads" load mode=on
check "and unloads again" unload
