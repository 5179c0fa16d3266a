// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sample area.
 *
 *   page 0               struct ipjit_dev_rings
 *   for each possible CPU
 *     a page             u64, samples begun
 *     whole pages        sample 0 | sample 1 | ... | sample records-1
 *
 * A CPU writes only its own ring, with interrupts off: filters run in processes
 * and in softirqs, never in NMIs, so nobody else begins a record between the
 * first and the last store of one, however often the ring wraps.  Readers see
 * an odd or another `sequence` and drop what they copied.
 *
 * The area is allocated at load and freed at unload, after the grace period
 * that ends the last trampoline.  A mapping keeps its file open and the file
 * keeps the module, so no mapping outlives it.
 */
#include "sample.h"

#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#include "fill.h"
#include "uapi/ipjit.h"

#define AREA_BYTES (4u << 20)	/* aimed at, however many CPUs */
#define LEAST_RECORDS 16u
#define MOST_RECORDS 256u

struct ring {
	u64 begun;
	u8 rest_of_page[PAGE_SIZE - sizeof(u64)];
	struct ipjit_dev_sample sample[];
};

static struct ipjit_dev_rings *area;
static u64 area_bytes;
/* Not read back from the area: the kernel trusts no page that it shows. */
static u32 record_mask, ring_bytes;

static struct ring *ring_of(unsigned int cpu)
{
	return (void *)area + PAGE_SIZE + (size_t)cpu * ring_bytes;
}

int ipjit_sample_init(void)
{
	u32 records = AREA_BYTES / nr_cpu_ids / sizeof(struct ipjit_dev_sample);

	records = clamp(records, LEAST_RECORDS, MOST_RECORDS);
	records = rounddown_pow_of_two(records);
	record_mask = records - 1;
	ring_bytes = PAGE_ALIGN(struct_size((struct ring *)0, sample, records));
	area_bytes = PAGE_SIZE + (u64)nr_cpu_ids * ring_bytes;
	area = vmalloc_user(area_bytes);
	if (!area)
		return -ENOMEM;
	area->cpus = nr_cpu_ids;
	area->records = records;
	area->record_bytes = sizeof(struct ipjit_dev_sample);
	area->ring_bytes = ring_bytes;
	return 0;
}

void ipjit_sample_uninit(void)
{
	vfree(area);
	area = NULL;
}

u64 ipjit_sample_area(void)
{
	return area_bytes;
}

int ipjit_sample_mmap(struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
#else
	vma->vm_flags &= ~(VM_MAYWRITE | VM_MAYEXEC);
#endif
	/* Refuses what reaches beyond the area, page offset included. */
	return remap_vmalloc_range(vma, area, vma->vm_pgoff);
}

static void write_fields(struct ipjit_dev_sample *to, const struct sk_buff *skb)
{
	struct ipjit_ctx ctx;

	ipjit_fill(&ctx, skb, IPJIT_FILL_FIELDS);
#define IPJIT_FIELD(name, meaning)                                             \
	if (IPJIT_FILL_FIELDS & BIT_ULL(IPJIT_FIELD_##name))                   \
		to->fields[IPJIT_FIELD_##name] = ctx.name;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
}

void ipjit_sample_write(const struct sk_buff *skb, u64 filter, u64 version,
			u32 verdict)
{
	struct ipjit_dev_sample *to;
	unsigned long flags;
	struct ring *ring;
	u64 n;

	local_irq_save(flags);
	ring = ring_of(smp_processor_id());
	n = ring->begun;
	to = &ring->sample[n & record_mask];
	WRITE_ONCE(to->sequence, 2 * n + 1);
	WRITE_ONCE(ring->begun, n + 1);
	smp_wmb();
	to->filter = filter;
	to->version = version;
	to->time_ns = ktime_get_mono_fast_ns();
	to->len = skb_headlen(skb);
	to->head_len = min_t(u32, to->len, IPJIT_DEV_HEAD);
	to->verdict = verdict;
	write_fields(to, skb);
	memcpy(to->head, skb->data, to->head_len);
	smp_wmb();
	WRITE_ONCE(to->sequence, 2 * n + 2);
	local_irq_restore(flags);
}
