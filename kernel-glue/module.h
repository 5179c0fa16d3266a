/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module was loaded with. */
#ifndef IPJIT_MODULE_H
#define IPJIT_MODULE_H

#include <linux/types.h>

extern bool ipjit_enabled;	/* false: takes over nothing, ever */
extern bool ipjit_all_netns;	/* false: the initial network namespace only */

#endif
