// SPDX-License-Identifier: GPL-2.0-only
/*
 * Classic programs that are no socket's filter: counted, so that a user who looks
 * for one finds out why it is not there.
 *
 * They do not run through sk->sk_filter. What was there before the module is not
 * seen, and a probe that misses one makes it uncounted: it is a statistic. All
 * namespaces count, in every mode.
 */
#include "elsewhere.h"

#include <linux/kprobes.h>

#include "module.h"
#include "socket.h"

#define ACTIVE_MAX 64		/* calls at a time, which may sleep */

struct place {
	enum ipjit_dev_left reason;
	bool probed;
	struct kretprobe probe;
};

static int count_made(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct kretprobe *probe = get_kretprobe(instance);

	if (probe && !regs_return_value(regs))
		ipjit_left_count(container_of(probe, struct place, probe)->reason);
	return 0;
}
NOKPROBE_SYMBOL(count_made);

/* (prog, fprog, check, keep): seccomp is the one who has a check of its own. */
static int skip_checked(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return regs->dx != 0;
}
NOKPROBE_SYMBOL(skip_checked);

static struct place places[] = {
	{ IPJIT_DEV_LEFT_reuseport, false, {
		.kp.symbol_name = "sk_reuseport_attach_filter",
		.handler = count_made,
		.maxactive = ACTIVE_MAX,
	} },
	{ IPJIT_DEV_LEFT_fanout, false, {
		.kp.symbol_name = "bpf_prog_create_from_user",
		.entry_handler = skip_checked,
		.handler = count_made,
		.maxactive = ACTIVE_MAX,
	} },
	/* xt_bpf, cls_bpf, act_bpf, team, ppp */
	{ IPJIT_DEV_LEFT_in_kernel, false, {
		.kp.symbol_name = "bpf_prog_create",
		.handler = count_made,
		.maxactive = ACTIVE_MAX,
	} },
};

void ipjit_elsewhere_init(void)
{
	struct place *place;
	int err;

	if (!ipjit_enabled)
		return;
	for (place = places; place < places + ARRAY_SIZE(places); place++) {
		err = register_kretprobe(&place->probe);
		place->probed = !err;
		if (err)
			pr_notice("ipjit: no probe on %s (%d): its programs are not counted\n",
				  place->probe.kp.symbol_name, err);
	}
}

void ipjit_elsewhere_uninit(void)
{
	struct place *place;

	for (place = places; place < places + ARRAY_SIZE(places); place++)
		if (place->probed)
			unregister_kretprobe(&place->probe);
}
