# SPDX-License-Identifier: BSD-2-Clause
# vm: --append lockdown=integrity --tool openssl --tool /usr/lib/linux-kbuild-6.1/scripts/sign-file
# A kernel in lockdown, as secure boot has it.
. ./signing.sh
states "lockdown integrity"
# User space does not ask the kernel for anything that lockdown forbids.
check "filters of processes run as native code" sh -c 'ipjit doctor | grep "^ok  *compile and run"'
