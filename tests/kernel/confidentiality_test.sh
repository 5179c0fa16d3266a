# SPDX-License-Identifier: BSD-2-Clause
# vm: --append lockdown=confidentiality --tool openssl --tool /usr/lib/linux-kbuild-6.1/scripts/sign-file
# A kernel in the stricter lockdown.
. ./signing.sh
states "lockdown confidentiality"
