/* SPDX-License-Identifier: GPL-2.0-only */
/* Classic programs that are no socket's filter, counted as left alone. */
#ifndef IPJIT_ELSEWHERE_H
#define IPJIT_ELSEWHERE_H

void ipjit_elsewhere_init(void);
void ipjit_elsewhere_uninit(void);

#endif
