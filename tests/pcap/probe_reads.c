/* SPDX-License-Identifier: BSD-2-Clause */
/* Every way to read, to count and to stop. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transcript.h"

enum { MANY = 100000 };	/* more reads than any test capture has packets */

static void loop_by(const char *path, const char *filter, int count)
{
	struct seen seen = {.pcap = open_file(path, filter)};
	char name[32];
	int result = 1;

	snprintf(name, sizeof(name), "loop %d", count);
	for (int i = 0; i < 4; i++) {
		result = pcap_loop(seen.pcap, count, see, (u_char *)&seen);
		say(name, &seen, result);
	}
	pcap_close(seen.pcap);
}

static void dispatch_by(const char *path, const char *filter, int count)
{
	struct seen seen = {.pcap = open_file(path, filter)};
	char name[32];
	int result = 1;

	snprintf(name, sizeof(name), "dispatch %d", count);
	for (int i = 0; i < MANY && result > 0; i++)
		result = pcap_dispatch(seen.pcap, count, see, (u_char *)&seen);
	say(name, &seen, result);
	say(name, &seen, pcap_dispatch(seen.pcap, count, see, (u_char *)&seen));
	pcap_close(seen.pcap);
}

static void next_by(const char *path, const char *filter)
{
	struct seen seen = {.pcap = open_file(path, filter)};
	struct pcap_pkthdr *header, own = {.caplen = 77};
	const u_char *data;
	int result;

	while ((result = pcap_next_ex(seen.pcap, &header, &data)) == 1)
		see((u_char *)&seen, header, data);
	say("next_ex", &seen, result);
	result = pcap_next_ex(seen.pcap, &header, &data);
	say("next_ex at the end", &seen, result);
	pcap_close(seen.pcap);

	seen = (struct seen){.pcap = open_file(path, filter)};
	for (int i = 0; i < MANY && (data = pcap_next(seen.pcap, &own)); i++)
		see((u_char *)&seen, &own, data);
	say("next", &seen, (int)own.caplen);
	pcap_close(seen.pcap);
}

void probe_counts(const char *path, const char *filter)
{
	static const int counts[] = {-1, 0, 1, 2, 3, 7, 50, MANY};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		loop_by(path, filter, counts[i]);
		dispatch_by(path, filter, counts[i]);
	}
	next_by(path, filter);
}

static void break_now(struct seen *seen)
{
	pcap_breakloop(seen->pcap);
}

static pcap_t *signalled;

static void on_signal(int signal)
{
	(void)signal;
	pcap_breakloop(signalled);
}

static void raise_now(struct seen *seen)
{
	signalled = seen->pcap;
	raise(SIGUSR1);
}

static void jump_now(struct seen *seen)
{
	longjmp(seen->out, 1);
}

static void break_and_jump(struct seen *seen)
{
	pcap_breakloop(seen->pcap);
	longjmp(seen->out, 1);
}

/* Reads on three more times after the interrupted read: what did it leave behind? */
static void read_on(const char *name, struct seen *seen)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int result;

	say(name, seen, pcap_dispatch(seen->pcap, 2, see, (u_char *)seen));
	result = pcap_next_ex(seen->pcap, &header, &data);
	if (result == 1)
		see((u_char *)seen, header, data);
	say(name, seen, result);
	say(name, seen, pcap_loop(seen->pcap, -1, see, (u_char *)seen));
	say(name, seen, pcap_loop(seen->pcap, 1, see, (u_char *)seen));
	pcap_close(seen->pcap);
}

static void interrupt(const char *path, const char *filter, void (*act)(struct seen *),
		      const char *name, int at, int count)
{
	/* Not on the stack: longjmp() leaves changed locals indeterminate. */
	static struct seen seen;

	printf("%s at %d, count %d\n", name, at, count);
	seen = (struct seen){.pcap = open_file(path, filter), .act_at = at, .act = act};
	if (setjmp(seen.out) == 0)
		say("  loop", &seen, pcap_loop(seen.pcap, count, see, (u_char *)&seen));
	else
		say("  jumped", &seen, 0);
	read_on("  after loop", &seen);

	seen = (struct seen){.pcap = open_file(path, filter), .act_at = at, .act = act};
	if (setjmp(seen.out) == 0)
		say("  dispatch", &seen, pcap_dispatch(seen.pcap, count, see, (u_char *)&seen));
	else
		say("  jumped", &seen, 0);
	read_on("  after dispatch", &seen);
}

static void break_before(const char *path, const char *filter)
{
	struct seen seen = {.pcap = open_file(path, filter)};
	struct pcap_pkthdr *header;
	const u_char *data;

	pcap_breakloop(seen.pcap);
	say("broken before loop", &seen, pcap_loop(seen.pcap, -1, see, (u_char *)&seen));
	pcap_breakloop(seen.pcap);
	say("broken before dispatch", &seen, pcap_dispatch(seen.pcap, 3, see, (u_char *)&seen));
	pcap_breakloop(seen.pcap);
	say("broken before next_ex", &seen, pcap_next_ex(seen.pcap, &header, &data));
	pcap_breakloop(seen.pcap);
	say("broken before next", &seen, pcap_next(seen.pcap, &(struct pcap_pkthdr){}) != NULL);
	read_on("after all", &seen);
}

void probe_breaks(const char *path, const char *filter)
{
	static const int places[][2] = {{1, -1}, {1, 1}, {3, -1}, {3, 3}, {3, 5}, {5, 5}, {2, 0}};

	signal(SIGUSR1, on_signal);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		interrupt(path, filter, break_now, "break", places[i][0], places[i][1]);
		interrupt(path, filter, raise_now, "signal", places[i][0], places[i][1]);
		interrupt(path, filter, jump_now, "jump", places[i][0], places[i][1]);
		interrupt(path, filter, break_and_jump, "break and jump", places[i][0],
			  places[i][1]);
	}
	break_before(path, filter);
}
