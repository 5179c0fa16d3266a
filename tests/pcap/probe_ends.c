/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters at the end of a process and at the beginning of another. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transcript.h"

static const char *the_path, *the_filter;

static void read_all(const char *name)
{
	struct seen seen = {.pcap = open_file(the_path, the_filter)};

	say(name, &seen, pcap_loop(seen.pcap, -1, see, (u_char *)&seen));
	set_filter(seen.pcap, "ip");
	pcap_close(seen.pcap);
}

static void at_exit(void)
{
	read_all("exit handler");
}

void probe_exits(const char *path, const char *filter)
{
	the_path = path;
	the_filter = filter;
	atexit(at_exit);
	read_all("main");
}

static void *filter_for_ever(void *argument)
{
	for (;;) {
		pcap_t *pcap = pcap_open_offline(the_path, (char[PCAP_ERRBUF_SIZE]){});
		struct bpf_program program;

		if (!pcap || pcap_compile(pcap, &program, the_filter, 1, 0) != 0)
			return argument;
		pcap_setfilter(pcap, &program);
		pcap_freecode(&program);
		pcap_close(pcap);
	}
}

/* A thread compiles, filters and closes all the while: a child may have none of its locks. */
void probe_forks(const char *path, const char *filter)
{
	pthread_t thread;

	the_path = path;
	the_filter = filter;
	pthread_create(&thread, NULL, filter_for_ever, NULL);
	for (int i = 0; i < 20; i++) {
		int status = 0;

		usleep(3000);
		fflush(stdout);
		if (fork() == 0) {
			alarm(60);
			read_all("child");
			fflush(stdout);
			_exit(7);
		}
		wait(&status);
		printf("child's status %d\n", status);
	}
}
