/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this a kernel whose filters we know?  Asked once, before anything else. */
#ifndef IPJIT_LAYOUT_H
#define IPJIT_LAYOUT_H

/* 0, or -ENODEV after one line that says what is missing. */
int ipjit_layout_check(void);

#endif
