/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include <ipjit/ipjit.h>

int main(void)
{
	uint8_t packet[64] = { 0 };
	ipjit_error error;
	ipjit_stats stats;
	uint32_t ip, arp;
	ipjit_filter *filter = ipjit_compile_expression("ip", NULL, &error);

	if (!filter) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	packet[12] = 0x08;
	ip = ipjit_filter_run(filter, packet, sizeof(packet), sizeof(packet));
	packet[13] = 0x06;
	arp = ipjit_filter_run(filter, packet, sizeof(packet), sizeof(packet));
	stats.size = sizeof(stats);
	ipjit_filter_stats(filter, &stats);
	printf("accept %u, arp %u, packets %" PRIu64 "\n", (unsigned)ip, (unsigned)arp, stats.packets);
	ipjit_filter_free(filter);
	return 0;
}
