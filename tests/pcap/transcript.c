/* SPDX-License-Identifier: BSD-2-Clause */
#include "transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long mix(unsigned long long hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	while (size--)
		hash = (hash ^ *at++) * 0x100000001b3ull;
	return hash;
}

void see(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct seen *seen = (struct seen *)user;
	long long time[2] = {header->ts.tv_sec, header->ts.tv_usec};
	unsigned lengths[2] = {header->caplen, header->len};

	seen->count++;
	seen->hash = mix(seen->hash, time, sizeof(time));
	seen->hash = mix(seen->hash, lengths, sizeof(lengths));
	seen->hash = mix(seen->hash, data, header->caplen);
	if (seen->act && seen->count == (unsigned)seen->act_at)
		seen->act(seen);
}

void say(const char *name, const struct seen *seen, int result)
{
	FILE *file = pcap_file(seen->pcap);

	printf("%s: %d packets %u hash %016llx at %ld error '%s'\n", name, result, seen->count,
	       seen->hash, file ? ftell(file) : -1L, result == -1 ? pcap_geterr(seen->pcap) : "");
}

int set_filter(pcap_t *pcap, const char *filter)
{
	struct bpf_program program;
	int result = pcap_compile(pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN);

	if (result != 0) {
		printf("compile '%.60s': %d '%s'\n", filter, result, pcap_geterr(pcap));
		return result;
	}
	result = pcap_setfilter(pcap, &program);
	printf("setfilter '%.60s': %d\n", filter, result);
	pcap_freecode(&program);
	return result;
}

pcap_t *open_file(const char *path, const char *filter)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, why);

	if (!pcap) {
		printf("open: %s\n", why);
		exit(0);
	}
	if (filter)
		set_filter(pcap, filter);
	return pcap;
}
