# SPDX-License-Identifier: BSD-2-Clause
# vm: --append module.sig_enforce=1 --tool openssl --tool /usr/lib/linux-kbuild-6.1/scripts/sign-file
# A kernel that was told to load signed modules only.
. ./signing.sh
states "module.sig_enforce=1"
