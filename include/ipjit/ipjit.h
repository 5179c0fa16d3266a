/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipjit: packet filters as native code.
 *
 *     ipjit_error err;
 *     ipjit_filter *f = ipjit_compile_expression("tcp port 80", NULL, &err);
 *     if (!f) { fprintf(stderr, "%s\n", err.text); return 1; }
 *     if (ipjit_filter_run(f, data, caplen, len)) accept();
 *     ipjit_filter_free(f);
 *
 * Threads: any number of threads may run one filter while others replace its
 * program or read its statistics; nobody waits but the thread that replaces.
 * ipjit_filter_free() alone needs that no other call on the filter is under way.
 * Signals: ipjit_filter_run() may be called from a signal handler; the others not.
 * After fork() the child's copy of a filter keeps working; its counts are its own.
 * Filters that may be specialised have one more thread in their process, which
 * sleeps until one is hot (docs/tier2.md); so has a child of fork() with them.
 * Sandboxes: a thread that has made a filter may enter a seccomp filter of any kind
 * before it runs packets.  One for all threads (TSYNC) must allow futex, lseek and
 * read, or tiering is off: IPJIT_TIERING_OFF, or IPJIT_TIER2=off in the environment.
 * A child of fork() with its parent's filter, and a program with file capabilities,
 * open their statistics at the first packet that is timed: they run some before.
 * Not SECCOMP_MODE_STRICT, which forbids the time stamp counter that packets are
 * timed with.
 * Packets: nobody changes the bytes of a packet while a run reads it.  A program may
 * read a byte twice, once to check a length and once to use it; if it changes in
 * between, the verdict may be wrong and bytes beyond caplen may be read.  Copy what
 * another process or a device can still write to.
 */
#ifndef IPJIT_H
#define IPJIT_H

#include <stddef.h>
#include <stdint.h>

#include "ipjit/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define IPJIT_API __attribute__((visibility("default")))
#else
#define IPJIT_API
#endif

typedef struct ipjit_filter ipjit_filter;

/* One classic BPF instruction: the layout of struct bpf_insn and struct sock_filter. */
typedef struct ipjit_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
} ipjit_insn;

typedef enum ipjit_dialect {
	IPJIT_DIALECT_LIBPCAP = 0,	/* as pcap_offline_filter() */
	IPJIT_DIALECT_LINUX = 1,	/* as SO_ATTACH_FILTER */
} ipjit_dialect;

typedef enum ipjit_engine {
	IPJIT_ENGINE_AUTO = 0,	/* the best there is; IPJIT_ENGINE in the environment overrides */
	IPJIT_ENGINE_INTERP = 1,
	IPJIT_ENGINE_TIER1 = 2,
	IPJIT_ENGINE_TIER2 = 3,
} ipjit_engine;

/* May native code be replaced by code that is specialised for the traffic, and come back? */
typedef enum ipjit_tiering {
	IPJIT_TIERING_AUTO = 0,	/* yes, unless an engine is named; IPJIT_TIER2=off overrides */
	IPJIT_TIERING_OFF = 1,
	IPJIT_TIERING_ON = 2,	/* also with IPJIT_ENGINE_TIER1; IPJIT_TIER2=off overrides */
} ipjit_tiering;

/* Zero-initialise, set `size`, then what you need; NULL stands for all defaults. */
typedef struct ipjit_options {
	size_t size;		/* sizeof(ipjit_options) */
	ipjit_dialect dialect;
	ipjit_engine engine;	/* other than AUTO: no fallback, a refusal is an error */
	int dlt;		/* expressions: DLT_*; 0 stands for Ethernet */
	uint32_t snaplen;	/* expressions: 0 stands for 262144 */
	uint32_t netmask;	/* expressions: 0 stands for unknown */
	const char *name;	/* shown by `ipjit stats`; NULL: the expression, or "bpf" */
	ipjit_tiering tiering;
	uint32_t tiering_ms;	/* between two looks at the traffic; 0: 50 to 250, by need */
} ipjit_options;

typedef struct ipjit_error {
	char stage[16];		/* "frontend" */
	char code[32];		/* "kBadOpcode" */
	uint64_t at;		/* place in that stage's coordinates */
	char text[256];		/* "ipjit: frontend: 3: kBadOpcode: ..." */
} ipjit_error;

typedef struct ipjit_packet {
	const uint8_t *data;
	uint32_t caplen;	/* bytes readable at data */
	uint32_t len;		/* bytes on the wire */
} ipjit_packet;

/* Zero-initialise and set `size`; fields that a newer library adds stay untouched. */
typedef struct ipjit_stats {
	size_t size;		/* sizeof(ipjit_stats) */
	char engine[16];	/* "tier1" */
	uint64_t packets;
	uint64_t matched;
	uint64_t swaps;		/* programs published after the first */
	uint64_t refusals;	/* compiles that a tier or the verifier refused */
	uint64_t code_bytes;
	uint64_t table_bytes;
	uint64_t compile_ns;	/* translate, optimise, emit, verify, publish of the current program */
	uint64_t samples;	/* packets timed, on this engine and on the one it replaced */
	double ns_per_packet;	/* mean over samples; 0 without samples */
	double replaced_ns_per_packet;	/* the replaced engine on the same packets */
	double saved_seconds;	/* (replaced - ours) * packets */
	uint64_t tier;		/* 0 interpreter, 1 general native code, 2 specialised code */
	uint64_t tier_changes;
	uint64_t tier_builds;	/* specialised programs published */
	uint64_t tier_refusals;	/* specialised programs refused: compiler, verifier, replay */
	uint64_t tier_retreats;	/* times that the general code came back */
	uint64_t guard_failures;	/* packets that left specialised code by a guard */
	uint64_t heads;		/* packets sampled for the profile */
	char backend[16];	/* what made the specialised code: "asmjit", "llvm"; "": none */
	char why[1024];		/* the last decision's reasons, one a line; the last one decided */
} ipjit_stats;

/*
 * Compiles and publishes a program.  Returns NULL and fills `error` (which may be
 * NULL) if the program is refused: its check fails, or an engine was asked for by
 * name and refuses.
 */
IPJIT_API ipjit_filter *ipjit_compile(const ipjit_insn *insns, size_t count,
				      const ipjit_options *options, ipjit_error *error);

/*
 * The same from a pcap expression (libpcap's syntax), compiled as for a live capture:
 * no savefile is assumed, whose byte order or foreign address families would matter.
 */
IPJIT_API ipjit_filter *ipjit_compile_expression(const char *expression,
						 const ipjit_options *options,
						 ipjit_error *error);

/*
 * Runs the filter on one packet: bytes to accept, 0 to drop.  `len` is the length
 * on the wire.  A few nanoseconds; no lock, no allocation, no system call but in the
 * first run of a thread that has made no filter.
 */
IPJIT_API uint32_t ipjit_filter_run(const ipjit_filter *filter, const uint8_t *data,
				    uint32_t caplen, uint32_t len);

/*
 * The same with a context, for programs of the Linux dialect that read ancillary
 * fields (`ctx->wire_len` is the length on the wire).
 */
IPJIT_API uint32_t ipjit_filter_run_ctx(const ipjit_filter *filter, const uint8_t *data,
					uint32_t caplen, const struct ipjit_ctx *ctx);

/* Runs the filter on `count` packets; verdicts[i] is what run() gives for packets[i]. */
IPJIT_API void ipjit_filter_run_burst(const ipjit_filter *filter, const ipjit_packet *packets,
				      size_t count, uint32_t *verdicts);

/*
 * Replaces the program of a live filter: each run sees the old program or the new
 * one, never a mixture.  Returns 0, or -1 and `error`, and then the old one stays.
 * The old code is freed when no thread can be running it.
 */
IPJIT_API int ipjit_filter_replace(ipjit_filter *filter, const ipjit_insn *insns, size_t count,
				   ipjit_error *error);
IPJIT_API int ipjit_filter_replace_expression(ipjit_filter *filter, const char *expression,
					      ipjit_error *error);

/*
 * Promises about every packet that the filter will be run on, until it is told
 * otherwise: code that is specialised for the traffic is specialised for them too.
 * When one of these functions returns, no run that begins sees code that was made
 * for the promises before; so take a promise back first, then let the packets come
 * that break it.  A broken promise gives wrong verdicts and nothing worse; where a
 * sampled packet shows it, all promises are dropped.  Without tiering they do
 * nothing.  They return 0, or -1 and `error`.
 *
 * assume: `field` of the context has this value (that of run() has wire_len and,
 * in libpcap's dialect, vlan_present 0xffffffff; its other fields are 0).
 */
IPJIT_API int ipjit_filter_assume(ipjit_filter *filter, enum ipjit_field field, uint32_t value,
				  ipjit_error *error);
IPJIT_API int ipjit_filter_forget(ipjit_filter *filter, enum ipjit_field field,
				  ipjit_error *error);

/* caplen is at least `min` and at most `max`: a snap length.  0 and UINT32_MAX: forget. */
IPJIT_API int ipjit_filter_assume_caplen(ipjit_filter *filter, uint32_t min, uint32_t max,
					 ipjit_error *error);

/* Fills what fits into stats->size; returns 0, or -1 if size is 0. */
IPJIT_API int ipjit_filter_stats(const ipjit_filter *filter, ipjit_stats *stats);

/* NULL is allowed. */
IPJIT_API void ipjit_filter_free(ipjit_filter *filter);

/* "0.1.0" */
IPJIT_API const char *ipjit_version(void);

/*
 * Where the compiler allows, ipjit_filter_run() is inlined up to the call of the
 * program.  (ipjit_filter_run)(...) and &ipjit_filter_run mean the function.
 */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(IPJIT_NO_INLINE)
#include "ipjit/inline.h"
#define ipjit_filter_run(filter, data, caplen, len) \
	ipjit_filter_run_inline(filter, data, caplen, len)
#endif

#ifdef __cplusplus
}
#endif

#endif /* IPJIT_H */
