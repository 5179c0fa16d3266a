/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters that stay with the kernel's own code, counted by reason. */
#ifndef IPJIT_LEFT_H
#define IPJIT_LEFT_H

#include "uapi/ipjit.h"

struct sk_filter;

/* A filter that sweeps will meet again: counted the first time. Any context. */
void ipjit_left_once(const struct sk_filter *filter, enum ipjit_dev_left reason);

/* A sweep of everything begins: what the last two did not meet is forgotten. */
void ipjit_left_round(void);
void ipjit_left_forget(void);

#endif
