/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Captures on an interface until a UDP packet to port 4791 comes by, and writes a transcript.
 *
 *     live_probe INTERFACE FILTER-FILE loop|loop3|dispatch|dispatch1|next_ex|next|nonblock \
 *                TIMEOUT-MS SNAPLEN IMMEDIATE
 *
 * Prints "ready" when the filter is set.  Timestamps stay out of the transcript, and so do reads
 * that gave nothing: how many there are is a matter of luck.
 */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct {
	pcap_t *pcap;
	unsigned count;
	unsigned long long hash;
	int done;
} seen;

static void see(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	(void)user;
	seen.count++;
	for (unsigned i = 0; i < header->caplen; i++)
		seen.hash = (seen.hash ^ data[i]) * 0x100000001b3ull;
	seen.hash = (seen.hash ^ header->len) * 0x100000001b3ull;
	/* The marker's payload ends in this word. */
	if (header->caplen >= 8 && !memcmp(data + header->caplen - 8, "THE-END!", 8)) {
		seen.done = 1;
		pcap_breakloop(seen.pcap);
	}
}

static int read_once(const char *way)
{
	struct pcap_pkthdr *header, own;
	const u_char *data;
	int result;

	if (!strcmp(way, "loop"))
		return pcap_loop(seen.pcap, -1, see, NULL);
	if (!strcmp(way, "loop3"))
		return pcap_loop(seen.pcap, 3, see, NULL);
	if (!strcmp(way, "dispatch") || !strcmp(way, "nonblock"))
		return pcap_dispatch(seen.pcap, -1, see, NULL);
	if (!strcmp(way, "dispatch1"))
		return pcap_dispatch(seen.pcap, 1, see, NULL);
	if (!strcmp(way, "next_ex")) {
		result = pcap_next_ex(seen.pcap, &header, &data);
		if (result == 1)
			see(NULL, header, data);
		return result;
	}
	data = pcap_next(seen.pcap, &own);
	if (data)
		see(NULL, &own, data);
	return data != NULL;
}

static char *read_filter(const char *path)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[size] = '\0';
	if (file)
		fclose(file);
	return text;
}

static void set_filter(const char *path)
{
	struct bpf_program program;
	socklen_t length = 0;

	/* Not optimised, so that the program is long. */
	if (pcap_compile(seen.pcap, &program, read_filter(path), 0, PCAP_NETMASK_UNKNOWN) != 0) {
		printf("compile: %s\n", pcap_geterr(seen.pcap));
		exit(1);
	}
	printf("setfilter %d\n", pcap_setfilter(seen.pcap, &program));
	pcap_freecode(&program);
	if (getsockopt(pcap_fileno(seen.pcap), SOL_SOCKET, SO_GET_FILTER, NULL, &length) == 0)
		printf("%s\n", length > 1 ? "in the kernel" : "not in the kernel");
}

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE];
	unsigned before = 0;
	int result = 0;

	if (argc != 7)
		return 2;
	seen.pcap = pcap_create(argv[1], why);
	pcap_set_timeout(seen.pcap, atoi(argv[4]));
	pcap_set_snaplen(seen.pcap, atoi(argv[5]));
	pcap_set_immediate_mode(seen.pcap, atoi(argv[6]));
	pcap_set_buffer_size(seen.pcap, 64 << 20);
	if (pcap_activate(seen.pcap) < 0) {
		printf("activate: %s\n", pcap_geterr(seen.pcap));
		return 1;
	}
	set_filter(argv[2]);
	if (!strcmp(argv[3], "nonblock"))
		pcap_setnonblock(seen.pcap, 1, why);
	printf("ready\n");
	fflush(stdout);
	while (!seen.done && result >= 0) {
		before = seen.count;
		result = read_once(argv[3]);
		if (!strcmp(argv[3], "loop3") && result == 0)
			printf("three more: %u %016llx\n", seen.count, seen.hash);
	}
	if (strcmp(argv[3], "dispatch") && strcmp(argv[3], "nonblock"))
		printf("last read: %d, %u packets\n", result, seen.count - before);
	else
		printf("last read: %d\n", result < 0 ? result : 1);
	printf("all: %u packets %016llx\n", seen.count, seen.hash);
	pcap_close(seen.pcap);
	return 0;
}
