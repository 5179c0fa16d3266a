/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding socket filters: a probe on the kernel's attach function makes it
 * prompt, sweeps over sockets make it complete.
 */
#ifndef IPJIT_SOCKET_H
#define IPJIT_SOCKET_H

#include <linux/types.h>

#include "uapi/ipjit.h"

int ipjit_socket_init(void);
void ipjit_socket_uninit(void);

/* Looks at all sockets now; returns when what it found is taken over. */
void ipjit_socket_sweep(void);

/* A filter was seen and left with the kernel's own code. */
void ipjit_left_count(enum ipjit_dev_left reason);
void ipjit_left_read(u64 left[16]);

#endif
