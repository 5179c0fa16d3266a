# SPDX-License-Identifier: BSD-2-Clause
# by hand
# 10,000 rounds of what churn_test.sh does:
#
#   tests/kernel/run.py build --timeout 1800 -- churn_long
each=5000
. ./churn_test.sh
