# SPDX-License-Identifier: BSD-2-Clause
# Whose verdict counts in which mode; comparisons, samples, guards, budgets, hardened filters.
# Code that says something else than the filter shows who decides: until a sample finds it.
check "the module loads" load mode=on sample_shift=20
/ipjit/bin/verdicts modes || failed=$((failed + 1))
check "the module unloads" unload
check "the module loads, with more samples" load mode=on sample_shift=4
/ipjit/bin/verdicts || failed=$((failed + 1))
check "the module unloads" unload
check "the module loads, sampling everything" load mode=on sample_shift=0
/ipjit/bin/verdicts guard || failed=$((failed + 1))
check "the module unloads" unload
