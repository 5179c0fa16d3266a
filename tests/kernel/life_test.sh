# SPDX-License-Identifier: BSD-2-Clause
# From attach to release: every way in which a socket lets go of a filter, with our code in place.
ip link set lo up
# Code that says something else than the filter shows who decides: until a sample finds it.
check "the module loads" load mode=on sample_shift=20
for scene in take replace detach close fork clone lock raw unix extended; do
  life $scene || failed=$((failed + 1))
done
check "the module unloads" unload
