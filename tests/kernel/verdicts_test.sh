# SPDX-License-Identifier: BSD-2-Clause
# Whose verdict counts in which mode; comparisons, samples, guards, budgets, hardened filters.
check "the module loads" load mode=on sample_shift=4
/ipjit/bin/verdicts || failed=$((failed + 1))
check "the module unloads" unload
