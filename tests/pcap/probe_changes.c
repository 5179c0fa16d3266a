/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters that change, handles that come and go, programs that the caller owns. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transcript.h"

static void refilter(struct seen *seen)
{
	set_filter(seen->pcap, seen->other_filter);
}

static void refilter_badly(struct seen *seen)
{
	struct bpf_insn bad[] = {{BPF_JMP | BPF_JA, 0, 0, 9}, {BPF_RET | BPF_K, 0, 0, 1}};
	struct bpf_program program = {2, bad};

	printf("bad program: %d '%s'\n", pcap_setfilter(seen->pcap, &program),
	       pcap_geterr(seen->pcap));
}

static void read_inside(struct seen *seen)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int result = pcap_next_ex(seen->pcap, &header, &data);

	if (result == 1)
		see((u_char *)seen, header, data);
	say("  inside", seen, result);
	say("  inside", seen, pcap_dispatch(seen->pcap, 2, see, (u_char *)seen));
}

static void change(const char *path, const char *first, const char *then,
		   void (*act)(struct seen *), const char *name)
{
	static const int counts[] = {-1, 2, 4, 6};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct seen seen = {.pcap = open_file(path, first), .act_at = 2, .act = act,
				    .other_filter = then};

		printf("%s, count %d\n", name, counts[i]);
		say("  loop", &seen, pcap_loop(seen.pcap, counts[i], see, (u_char *)&seen));
		say("  dispatch", &seen,
		    pcap_dispatch(seen.pcap, counts[i], see, (u_char *)&seen));
		say("  rest", &seen, pcap_loop(seen.pcap, -1, see, (u_char *)&seen));
		pcap_close(seen.pcap);
	}
}

void probe_changes(const char *path, const char *filter)
{
	change(path, filter, "ip", refilter, "to ip");
	change(path, filter, "", refilter, "to nothing");
	change(path, filter, "ip6 protochain 6", refilter, "to a backward jump");
	change(path, NULL, filter, refilter, "from none");
	change(path, "", filter, refilter, "from empty");
	change(path, filter, "no such (", refilter, "to a syntax error");
	change(path, filter, NULL, refilter_badly, "to an invalid program");
	change(path, filter, NULL, read_inside, "nested");
}

static void interleave(const char *path, const char *filter)
{
	struct seen one = {.pcap = open_file(path, filter)}, two = {.pcap = open_file(path, "ip")};
	struct seen three = {.pcap = open_file(path, NULL)};

	for (int i = 0; i < 5; i++) {
		say("one", &one, pcap_dispatch(one.pcap, 2, see, (u_char *)&one));
		say("two", &two, pcap_dispatch(two.pcap, 3, see, (u_char *)&two));
		say("three", &three, pcap_dispatch(three.pcap, 1, see, (u_char *)&three));
	}
	pcap_close(two.pcap);
	say("one", &one, pcap_loop(one.pcap, -1, see, (u_char *)&one));
	pcap_close(one.pcap);
	/* Probably at the address of one of the closed: must have no filter. */
	two = (struct seen){.pcap = open_file(path, NULL)};
	say("reused", &two, pcap_loop(two.pcap, -1, see, (u_char *)&two));
	pcap_close(two.pcap);
	pcap_close(three.pcap);
}

static void fork_after_setfilter(const char *path, const char *filter)
{
	struct seen seen = {.pcap = open_file(path, filter)};
	int status = 0;

	say("before fork", &seen, pcap_dispatch(seen.pcap, 1, see, (u_char *)&seen));
	fflush(stdout);
	if (fork() == 0) {
		/* A handle of its own: the two processes share the file offset of the other. */
		struct seen own = {.pcap = open_file(path, filter)};

		say("child", &own, pcap_loop(own.pcap, 4, see, (u_char *)&own));
		say("child", &own, pcap_loop(own.pcap, -1, see, (u_char *)&own));
		pcap_close(own.pcap);
		fflush(stdout);
		_exit(7);
	}
	wait(&status);
	say("parent", &seen, WEXITSTATUS(status));
	say("parent", &seen, pcap_loop(seen.pcap, -1, see, (u_char *)&seen));
	pcap_close(seen.pcap);
}

void probe_handles(const char *path, const char *filter)
{
	struct seen seen = {.pcap = open_file(path, filter)};
	struct pcap_stat stat = {1, 2, 3};
	int result;

	interleave(path, filter);
	fork_after_setfilter(path, filter);

	result = pcap_stats(seen.pcap, &stat);
	printf("stats: %d '%s' %u\n", result, pcap_geterr(seen.pcap), stat.ps_recv);
	result = pcap_setnonblock(seen.pcap, 1, (char[PCAP_ERRBUF_SIZE]){});
	printf("nonblock: %d\n", result);
	set_filter(seen.pcap, "ip");
	set_filter(seen.pcap, filter);
	say("set three times", &seen, pcap_loop(seen.pcap, -1, see, (u_char *)&seen));
	pcap_close(seen.pcap);

	seen = (struct seen){.pcap = pcap_open_dead(DLT_EN10MB, 100)};
	set_filter(seen.pcap, "ip");
	printf("dead: '%s'\n", pcap_geterr(seen.pcap));
	say("dead", &seen, pcap_loop(seen.pcap, 1, see, (u_char *)&seen));
	say("dead", &seen, pcap_dispatch(seen.pcap, 1, see, (u_char *)&seen));
	pcap_close(seen.pcap);
}

struct verdicts {
	const struct bpf_program *program;
	unsigned long long sum;
	unsigned count;
};

/* pcap_compile_nopcap() is deprecated, and in use. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void judge(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct verdicts *verdicts = (struct verdicts *)user;
	unsigned verdict = (unsigned)pcap_offline_filter(verdicts->program, header, data);
	unsigned same = bpf_filter(verdicts->program->bf_insns, data, header->len, header->caplen);

	if (verdict != same)
		printf("bpf_filter differs: %u %u\n", verdict, same);
	verdicts->count += verdict != 0;
	verdicts->sum = verdicts->sum * 31 + verdict;
}

static void judge_all(const char *name, const char *path, const struct bpf_program *program)
{
	struct verdicts verdicts = {program, 0, 0};

	for (int i = 0; i < 8; i++) {
		pcap_t *pcap = open_file(path, NULL);

		pcap_loop(pcap, -1, judge, (u_char *)&verdicts);
		pcap_close(pcap);
	}
	printf("%s: accepted %u sum %016llx\n", name, verdicts.count, verdicts.sum);
}

struct job {
	const char *path;
	const struct bpf_program *program;
};

static void *judge_in_thread(void *argument)
{
	const struct job *job = argument;
	struct verdicts *verdicts = calloc(1, sizeof(*verdicts));

	verdicts->program = job->program;
	for (int i = 0; i < 8; i++) {
		pcap_t *pcap = open_file(job->path, NULL);

		pcap_loop(pcap, -1, judge, (u_char *)verdicts);
		pcap_close(pcap);
	}
	return verdicts;
}

static void judge_in_threads(const char *path, const struct bpf_program *program)
{
	pthread_t threads[4];
	struct job job = {path, program};

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, judge_in_thread, &job);
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(threads[i], &result);
		printf("thread: accepted %u\n", ((struct verdicts *)result)->count);
		free(result);
	}
}

/* The caller owns the program: it changes it, frees it and uses the address again. */
void probe_programs(const char *path, const char *filter)
{
	pcap_t *pcap = open_file(path, NULL);
	struct bpf_program program;
	struct bpf_insn always[] = {{BPF_RET | BPF_K, 0, 0, 5}}, *last;

	if (pcap_compile(pcap, &program, filter, 1, 0) != 0)
		return;
	judge_all("offline", path, &program);
	judge_in_threads(path, &program);
	last = &program.bf_insns[program.bf_len - 1];
	last->k ^= 3;
	judge_all("last return changed", path, &program);
	for (last = program.bf_insns; BPF_CLASS(last->code) != BPF_RET; last++)
		;
	last->k ^= 0x55;
	judge_all("first return changed", path, &program);
	memcpy(program.bf_insns, always, sizeof(always));
	judge_all("first instruction changed", path, &program);
	for (int i = 0; i < 3; i++) {
		free(program.bf_insns);
		pcap_compile(pcap, &program, i & 1 ? filter : "ip", 1, 0);
		judge_all("freed and compiled anew", path, &program);
	}
	program.bf_len = 0;	/* nobody looks at it */
	judge_all("no length", path, &program);
	pcap_freecode(&program);
	judge_all("no program", path, &(struct bpf_program){1, always});
	printf("null: %d\n", pcap_offline_filter(&program, &(struct pcap_pkthdr){}, NULL));
	printf("nopcap: %d\n", pcap_compile_nopcap(96, DLT_EN10MB, &program, filter, 1, 0));
	judge_all("nopcap", path, &program);
	pcap_freecode(&program);
	pcap_close(pcap);
}
