/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipjit_filter_run() without the call into the library: ipjit.h includes this
 * and lets the name stand for ipjit_filter_run_inline().  What is here is part
 * of the library's ABI (SOVERSION); define IPJIT_NO_INLINE to do without.
 *
 * A thread owns one stripe, a cache line, in each filter, and counts there
 * without atomic adds: `entered` before it looks at the program, `left` when it
 * has run it.  The same two stores tell a thread that replaces the program who
 * may still be running the old one (runtime/stripe.h).
 */
#ifndef IPJIT_INLINE_H
#define IPJIT_INLINE_H

struct ipjit_stripe {
	uint64_t entered;	/* runs begun */
	uint64_t left;		/* runs ended: packets */
	uint64_t matched;	/* verdict not 0 */
	uint64_t pause_at;	/* value of `left` from which a run takes the slow way */
	uint64_t sample_at;	/* value of `left` from which a packet is timed */
	uint64_t quiescent;	/* times that the thread was seen between two runs */
	uint64_t unused[2];
};

struct ipjit_program {
	ipjit_entry_fn direct;	/* reads no ctx field but wire_len; NULL: take the slow way */
	uint64_t *counters;	/* a cache line for each stripe, as the stripes lie; NULL: none */
	uint64_t specialised;	/* 0 or 1: which of the calls in ipjit_enter() is its own */
};

struct ipjit_filter {
	const struct ipjit_program *program;
	struct ipjit_stripe *stripes;	/* the first is nobody's, its pause_at is 0 */
};

/*
 * Offset of this thread's stripe in bytes; 0 until its first run, and where
 * there is none left.  In the initial-exec model: one load.
 */
extern IPJIT_API __thread uint64_t ipjit_thread_stripe
	__attribute__((tls_model("initial-exec")));

/*
 * Where a thread's runs of the program count: no two threads write one line.
 * Nonsense where the program has no counters, and then it is not used.
 */
static inline uint64_t *ipjit_counters_at(const struct ipjit_program *program, uint64_t stripe)
{
	return (uint64_t *)((uintptr_t)program->counters + stripe);
}

static inline uint64_t *ipjit_own_counters(const struct ipjit_program *program)
{
	return ipjit_counters_at(program, ipjit_thread_stripe);
}

/* First runs, timed packets, programs without native code, threads without a stripe. */
IPJIT_API uint32_t ipjit_filter_run_slow(const struct ipjit_filter *filter, const uint8_t *data,
					 uint32_t caplen, uint32_t len);

#if defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
#define IPJIT_ORDINARY_ATOMICS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IPJIT_ORDINARY_ATOMICS 1
#endif
#endif

/*
 * Adds to a counter that only this thread and its signal handlers change.
 *
 * One instruction without a lock: atomic towards a signal handler; other threads
 * only read.  x86 keeps a store behind older loads and stores, and the barrier
 * that `entered` needs is the writer's membarrier.  The thread sanitizer sees
 * neither, so for it this is an ordinary atomic add.
 */
static inline void ipjit_own_add(uint64_t *counter, uint64_t amount)
{
#ifdef IPJIT_ORDINARY_ATOMICS
	__atomic_fetch_add(counter, amount, __ATOMIC_SEQ_CST);
#else
	__asm__ __volatile__("addq %1, %0" : "+m"(*counter) : "er"(amount) : "memory", "cc");
#endif
}

/* The same for a verdict: adds 1 unless it is 0.  No flag becomes a number on the way. */
static inline void ipjit_own_count(uint64_t *counter, uint32_t verdict)
{
#ifdef IPJIT_ORDINARY_ATOMICS
	__atomic_fetch_add(counter, verdict != 0, __ATOMIC_SEQ_CST);
#else
	/* carry: the verdict is 0; counter - -1 - carry */
	__asm__ __volatile__("cmpl $1, %1; sbbq $-1, %0"
			     : "+m"(*counter) : "r"(verdict) : "memory", "cc");
#endif
}

/*
 * Calls a program's `direct`; ctx as the program reads it.
 *
 * The target of a call that has had only one stands where a processor finds it at
 * once; a call that has had two asks a slower predictor, for all of them, and goes
 * on so until it is forgotten (two cycles on Zen 5, of seven for a small filter).
 * General and specialised code take turns in a filter, so each has a call of its own.
 */
static inline uint64_t ipjit_enter(uint64_t specialised, ipjit_entry_fn direct,
				   const uint8_t *data, uint64_t caplen,
				   const struct ipjit_ctx *ctx)
{
	uint64_t result;

	if (__builtin_expect(specialised != 0, 1)) {
		/* Nothing, twice: compilers make one call of two that look alike from either end. */
		__asm__ __volatile__("" : "+r"(direct));
		result = direct(data, caplen, ctx);
		__asm__ __volatile__("" : "+r"(result));
		return result;
	}
	return direct(data, caplen, ctx);
}

static inline uint32_t ipjit_filter_run_inline(const struct ipjit_filter *filter,
					       const uint8_t *data, uint32_t caplen, uint32_t len)
{
	const uint64_t stripe = ipjit_thread_stripe;	/* once: adds below hide that it stays */
	struct ipjit_stripe *own = (struct ipjit_stripe *)((char *)filter->stripes + stripe);
	const struct ipjit_program *program;
	struct ipjit_ctx ctx;	/* but for what is set below, as the stack happens to be */
	ipjit_entry_fn direct;
	uint32_t verdict;

	if (__builtin_expect(__atomic_load_n(&own->left, __ATOMIC_RELAXED) >=
			     __atomic_load_n(&own->pause_at, __ATOMIC_RELAXED), 0))
		return ipjit_filter_run_slow(filter, data, caplen, len);
	ipjit_own_add(&own->entered, 1);
	program = __atomic_load_n(&filter->program, __ATOMIC_SEQ_CST);
	direct = program->direct;
	if (__builtin_expect(!direct, 0)) {
		ipjit_own_add(&own->entered, -1);
		return ipjit_filter_run_slow(filter, data, caplen, len);
	}
	ctx.wire_len = len;
	ctx.counters = ipjit_counters_at(program, stripe);
	verdict = ipjit_result_value(ipjit_enter(program->specialised, direct,
						 data, caplen, &ctx));
	ipjit_own_add(&own->left, 1);
	ipjit_own_count(&own->matched, verdict);
	return verdict;
}

#endif /* IPJIT_INLINE_H */
