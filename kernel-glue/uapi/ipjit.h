/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * /dev/ipjit: what the kernel module and the compile daemon say to each other.
 *
 * The module tells which filters exist (read(), LIST, FILTER, PROGRAM) and shows sampled packets
 * (mmap()); the daemon offers code (INSTALL), which the module verifies before it runs.  The daemon
 * needs the device's group and no capability.  What changes the machine's policy (MODE, SHADOW,
 * PAUSE, EVICT, BUDGET) needs CAP_NET_ADMIN over the initial network namespace.
 *
 * Numbers are in host order; sizes in bytes; pointers travel as u64.  Every pad is zero, or EINVAL.
 * A struct may grow only with IPJIT_DEV_VERSION.
 */
#ifndef IPJIT_UAPI_H
#define IPJIT_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "ipjit/abi.h"

#define IPJIT_DEV_VERSION 2
#define IPJIT_DEV_PATH "/dev/ipjit"

#define IPJIT_DEV_MAX_CODE (64u << 10)		/* bytes of code in one INSTALL */
#define IPJIT_DEV_MAX_TABLES (4u << 20)		/* bytes of tables in one INSTALL */

/* Whose verdict counts. */
enum ipjit_dev_mode {
	IPJIT_DEV_OFF = 0,	/* nothing is taken over */
	IPJIT_DEV_OBSERVE = 1,	/* the kernel's code decides; ours runs beside it on sampled packets */
	IPJIT_DEV_ON = 2,	/* ours decides */
};

/* What the running CPU and kernel ask of code. */
enum ipjit_dev_needs {
	IPJIT_DEV_RETURN_THUNK = 1u << 0,	/* a `ret` is followed by four int3, for the module to replace */
	IPJIT_DEV_IBT = 1u << 1,		/* informative: the module writes the entries itself */
};

enum ipjit_dev_left {
#define IPJIT_LEFT(name, meaning) IPJIT_DEV_LEFT_##name,
#include "uapi/left.def"
#undef IPJIT_LEFT
	IPJIT_DEV_LEFT_COUNT
};

struct ipjit_dev_info {
	__u32 version;		/* IPJIT_DEV_VERSION */
	__u32 abi;		/* IPJIT_ABI_VERSION */
	__u32 mode;		/* enum ipjit_dev_mode */
	__u32 shadow;		/* 1: every packet runs both and the kernel's verdict counts */
	__u32 paused;		/* 1: all filters run the kernel's own code until RESUME */
	__u32 isa;		/* enum ipjit_isa: what this CPU can */
	__u32 needs;		/* enum ipjit_dev_needs */
	__u32 sample_shift;	/* one packet of 2^shift is sampled */
	__u32 filters;		/* taken over now */
	__u32 cpus;		/* rings in the sample area */
	__u64 sample_area;	/* bytes to mmap() at offset 0, read-only */
	__u64 fields;		/* bit enum ipjit_field: what a contract may declare */
	__u64 code_used;	/* bytes of the code cache; of tables */
	__u64 code_size;
	__u64 table_used;
	__u64 verify_cycles;	/* cycles (rdtsc) spent in verification, and bytes of code verified */
	__u64 verify_bytes;
	__u64 installs;		/* units published since load */
	__u64 refusals;		/* units whose code was refused: EPERM, EACCES, a `ret` without room */
	__u64 events_lost;
	__u64 left[16];		/* by enum ipjit_dev_left: programs seen and left alone */
};

/* How a filter's socket is held: bits of ipjit_dev_filter.flags. */
enum ipjit_dev_filter_flags {
	IPJIT_DEV_HARDENED = 1u << 0,	/* no constant of the program may stand in its code */
	IPJIT_DEV_LOCKED = 1u << 1,	/* SO_LOCK_FILTER */
	IPJIT_DEV_EVICTED = 1u << 2,	/* by command: it is not offered code again */
	IPJIT_DEV_WRONG = 1u << 3,	/* code of ours gave another verdict than the kernel's: neither */
};

#define IPJIT_DEV_NEVER (~(__u64)0)

struct ipjit_dev_filter {
	__u64 id;		/* never reused while the module is loaded */
	__u64 version;		/* of the code that runs; 0: the kernel's own */
	__u64 general;		/* of the code that a retreat goes back to; 0: the kernel's own */
	__u32 tier;		/* 0 kernel's own, 1, 2 */
	__u32 insns;		/* classic instructions */
	__u32 family;		/* AF_* */
	__u32 type;		/* SOCK_* */
	__u32 protocol;		/* of the socket, host order */
	__u32 ifindex;		/* bound to; 0: any */
	__u32 uid;		/* of the socket */
	__u32 flags;		/* enum ipjit_dev_filter_flags */
	__u64 netns;		/* inode number of its network namespace */
	__u32 code_bytes;
	__u32 table_bytes;
	__u64 packets;		/* since taken over */
	__u64 native;		/* verdicts that were ours */
	__u64 passed_on;	/* our code needed bytes that it could not see: the kernel's code decided */
	__u64 sampled;
	__u64 compared;		/* packets that ran both */
	__u64 differences;	/* verdicts that differed */
	__u64 kernel_cycles;	/* rdtsc over the compared packets, kernel's code and ours */
	__u64 native_cycles;
	__u64 retreats;
	__u64 age_ns;		/* since taken over */
	__u64 first_native;	/* packets that had passed when our first version was published, or IPJIT_DEV_NEVER */
	char comm[16];		/* of the process that attached it, if seen */
};

struct ipjit_dev_list {
	__u64 after;		/* in: filters with larger ids, ascending */
	__u64 filters;		/* in: struct ipjit_dev_filter[capacity] */
	__u32 capacity;		/* in */
	__u32 count;		/* out */
};

struct ipjit_dev_program {
	__u64 id;		/* in */
	__u64 insns;		/* in: struct sock_filter[capacity] */
	__u32 capacity;		/* in */
	__u32 count;		/* out; ENOSPC if larger than capacity */
};

struct ipjit_dev_install {
	__u64 id;		/* in: filter */
	__u64 expected;		/* in: version that must still be the filter's, else ESTALE */
	__u64 contract;		/* in: struct ipjit_contract; tables are IPJIT_TABLE_IN_CTX */
	__u64 code;		/* in: bytes */
	__u64 tables;		/* in: the contract's tables, in order, each at a multiple of 64 */
	__u32 code_len;		/* in */
	__u32 tables_len;	/* in */
	__u32 tier;		/* in: 1 becomes the general version too; 2 stands before it */
	__u32 guard;		/* in: a retreat is due when counters[0] passes this many of 1024 packets; 0: never */
	__u64 report;		/* in: struct ipjit_report, filled where the code was refused; or 0 */
	__u64 version;		/* out */
};

struct ipjit_dev_counters {
	__u64 id;			/* in */
	__u64 version;			/* in */
	__u64 packets;			/* out: that this version has seen */
	__u64 count[IPJIT_MAX_COUNTERS];/* out: summed over CPUs */
};

struct ipjit_dev_target {
	__u64 id;		/* filter */
	__u64 version;		/* RETREAT: the one to leave */
};

/* Limits: of one uid, one network namespace, all.  0 leaves a limit as it is. */
struct ipjit_dev_budget {
	__u64 code_user, code_netns, code_all;		/* bytes */
	__u64 table_user, table_netns, table_all;
	__u64 filters_user;	/* that are taken over; of all there are at most 4,096 */
};

struct ipjit_dev_use {
	__u32 what;		/* in: 0 all, 1 uid, 2 netns */
	__u32 pad;
	__u64 key;		/* in: uid or inode number */
	__u64 code, table;	/* out: bytes in use */
	__u64 filters;		/* out */
	__u64 evictions;	/* out: under pressure, of all */
	struct ipjit_dev_budget limit;	/* out */
};

enum ipjit_dev_event_type {
	IPJIT_DEV_ATTACHED = 1,	/* a filter was taken over and waits for code */
	IPJIT_DEV_RELEASED = 2,	/* its socket let go of it */
	IPJIT_DEV_RETREATED = 3,/* the guard counter said so */
	IPJIT_DEV_EVICTED_NOW = 4,	/* its code was taken away */
	IPJIT_DEV_POLICY = 5,	/* mode, pause or shadow changed: read INFO */
	IPJIT_DEV_WRONG_NOW = 6,	/* `version` gave another verdict than the kernel's code: taken away */
};

/* read(): whole events, oldest first; EAGAIN or blocking.  After a loss, LIST tells the truth. */
struct ipjit_dev_event {
	__u32 type;		/* enum ipjit_dev_event_type */
	__u32 lost;		/* events lost before this one */
	__u64 id;
	__u64 version;
};

/*
 * The sample area: struct ipjit_dev_rings in a page of its own, then for each CPU a page of which
 * the first u64 is the number of samples ever begun, and pages with `records` records.  Sample n is
 * record n % records.  A reader copies a record and keeps it only if `sequence` was 2n + 2 before
 * and after.
 */
struct ipjit_dev_rings {
	__u32 cpus;
	__u32 records;		/* of each CPU; a power of two */
	__u32 record_bytes;	/* sizeof(struct ipjit_dev_sample) */
	__u32 ring_bytes;	/* from one CPU's page to the next CPU's */
};

#define IPJIT_DEV_HEAD 256

struct ipjit_dev_sample {
	__u64 sequence;
	__u64 filter;
	__u64 version;
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u32 len;		/* bytes that the code could read */
	__u32 head_len;		/* bytes copied */
	__u32 verdict;		/* that counted */
	__u32 fields[IPJIT_FIELD_COUNT];	/* those of ipjit_dev_info.fields */
	__u8 head[IPJIT_DEV_HEAD];
};

#define IPJIT_IOC_INFO		_IOR('j', 0x00, struct ipjit_dev_info)
#define IPJIT_IOC_LIST		_IOWR('j', 0x01, struct ipjit_dev_list)
#define IPJIT_IOC_FILTER	_IOWR('j', 0x02, struct ipjit_dev_filter)
#define IPJIT_IOC_PROGRAM	_IOWR('j', 0x03, struct ipjit_dev_program)
#define IPJIT_IOC_INSTALL	_IOWR('j', 0x04, struct ipjit_dev_install)
#define IPJIT_IOC_RETREAT	_IOW('j', 0x05, struct ipjit_dev_target)
#define IPJIT_IOC_COUNTERS	_IOWR('j', 0x06, struct ipjit_dev_counters)
#define IPJIT_IOC_USE		_IOWR('j', 0x07, struct ipjit_dev_use)
/* Makes this open file, if it is open for writing, the one of the daemon; EBUSY: another one is. */
#define IPJIT_IOC_CLAIM		_IO('j', 0x08)

/* CAP_NET_ADMIN */
#define IPJIT_IOC_MODE		_IOW('j', 0x40, __u32)
#define IPJIT_IOC_SHADOW	_IOW('j', 0x41, __u32)
#define IPJIT_IOC_PAUSE		_IOW('j', 0x42, __u32)	/* 1 pause, 0 resume; returns when no CPU runs our code */
#define IPJIT_IOC_EVICT		_IOW('j', 0x43, struct ipjit_dev_target)
#define IPJIT_IOC_BUDGET	_IOW('j', 0x44, struct ipjit_dev_budget)
#define IPJIT_IOC_SWEEP		_IO('j', 0x45)		/* look now for filters that no probe reported */

#endif /* IPJIT_UAPI_H */
