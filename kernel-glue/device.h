/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/ipjit: who may ask for what; uapi/ipjit.h is what is said. */
#ifndef IPJIT_DEVICE_H
#define IPJIT_DEVICE_H

/* Last in init and first in uninit: from here on user space comes in. */
int ipjit_device_init(void);
void ipjit_device_uninit(void);

#endif
