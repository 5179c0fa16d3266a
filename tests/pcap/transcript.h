/* SPDX-License-Identifier: BSD-2-Clause */
/* What the probes share: a packet count with a hash, printed after every libpcap call. */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include <pcap/pcap.h>
#include <setjmp.h>

struct seen {
	pcap_t *pcap;
	unsigned count;
	unsigned long long hash;	/* of headers and bytes of all packets seen */
	int act_at;			/* packet at which `act` is called; 0: never */
	void (*act)(struct seen *);
	const char *other_filter;
	jmp_buf out;
};

/* A pcap_handler: counts, hashes, acts. */
void see(u_char *user, const struct pcap_pkthdr *header, const u_char *data);

/* Prints what a call gave, what was seen, where the file stands and what the error is. */
void say(const char *name, const struct seen *seen, int result);

/* A savefile with a filter ("" sets one too; NULL sets none); exits where that is impossible. */
pcap_t *open_file(const char *path, const char *filter);

/* Compiles and sets; prints the outcome; returns pcap_setfilter()'s or pcap_compile()'s result. */
int set_filter(pcap_t *pcap, const char *filter);

/* The scenarios: one file, one filter. */
void probe_counts(const char *path, const char *filter);
void probe_breaks(const char *path, const char *filter);
void probe_changes(const char *path, const char *filter);
void probe_handles(const char *path, const char *filter);
void probe_programs(const char *path, const char *filter);
void probe_exits(const char *path, const char *filter);
void probe_forks(const char *path, const char *filter);

#endif
