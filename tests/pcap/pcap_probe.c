/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses libpcap in every way that a program may, and writes a transcript.
 *
 *     pcap_probe counts|breaks|changes|handles|programs|exits|forks FILE FILTER
 *
 * It knows nothing of ipjit.  transparent_test.py runs it with libpcap alone, with the preload
 * library and with the drop-in, and wants the same transcript each time.
 */
#include <stdio.h>
#include <string.h>

#include "transcript.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *path, const char *filter);
	} probes[] = {
		{"counts", probe_counts},     {"breaks", probe_breaks},
		{"changes", probe_changes},   {"handles", probe_handles},
		{"programs", probe_programs}, {"exits", probe_exits},
		{"forks", probe_forks},
	};

	for (size_t i = 0; argc == 4 && i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!strcmp(argv[1], probes[i].name)) {
			probes[i].run(argv[2], argv[3]);
			return 0;
		}
	fprintf(stderr, "usage: pcap_probe counts|breaks|changes|handles|programs|exits|forks "
			"FILE FILTER\n");
	return 2;
}
