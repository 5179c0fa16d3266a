/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module says about itself and its filters; the daemon's retreat. */
#ifndef IPJIT_STATS_H
#define IPJIT_STATS_H

#include "uapi/ipjit.h"

int ipjit_stats_info(struct ipjit_dev_info *info);
/* Copies to list->filters itself: -EFAULT, -EINTR. */
int ipjit_stats_list(struct ipjit_dev_list *list);
/* The next four: -ENOENT. */
int ipjit_stats_filter(struct ipjit_dev_filter *filter);
/* -ENOSPC with count where it is above capacity. */
int ipjit_stats_program(struct ipjit_dev_program *program);
int ipjit_stats_counters(struct ipjit_dev_counters *counters);
int ipjit_stats_retreat(const struct ipjit_dev_target *target);

#endif
