// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipjit.ko: socket filters run code that was compiled outside and verified here.
 *
 * Init goes from what is needed to what needs it; exit goes back the same way,
 * and after ipjit_slot_uninit() no pointer of the kernel leads here any more.
 * Nothing but open files of the device holds the module: it may be unloaded
 * while any number of filters run its code.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/string.h>

#include "cache.h"
#include "count.h"
#include "device.h"
#include "elsewhere.h"
#include "layout.h"
#include "module.h"
#include "sample.h"
#include "slot.h"
#include "socket.h"

#define SAMPLE_SHIFT_MAX 20

bool ipjit_enabled = true;
module_param_named(enabled, ipjit_enabled, bool, 0444);
MODULE_PARM_DESC(enabled, "N: take over nothing, whatever the mode");

static char *mode = "observe";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "off, observe or on: whose verdict counts (observe)");

bool ipjit_all_netns;
static char *netns = "initial";
module_param(netns, charp, 0444);
MODULE_PARM_DESC(netns, "initial or all: whose sockets are covered (initial)");

module_param_named(sample_shift, ipjit_sample_shift, uint, 0444);
MODULE_PARM_DESC(sample_shift, "one packet of 2^sample_shift is sampled (10)");

static const char *const mode_names[] = {
	[IPJIT_DEV_OFF] = "off",
	[IPJIT_DEV_OBSERVE] = "observe",
	[IPJIT_DEV_ON] = "on",
};

static int read_parameters(struct ipjit_policy *policy)
{
	static const char *const netns_names[] = { "initial", "all" };
	int at;

	at = match_string(mode_names, ARRAY_SIZE(mode_names), mode);
	if (at < 0) {
		pr_err("ipjit: mode=%s is not off, observe or on\n", mode);
		return -EINVAL;
	}
	policy->mode = ipjit_enabled ? at : IPJIT_DEV_OFF;
	at = match_string(netns_names, ARRAY_SIZE(netns_names), netns);
	if (at < 0) {
		pr_err("ipjit: netns=%s is not initial or all\n", netns);
		return -EINVAL;
	}
	ipjit_all_netns = at;
	if (ipjit_sample_shift > SAMPLE_SHIFT_MAX) {
		pr_err("ipjit: sample_shift=%u is above %u\n",
		       ipjit_sample_shift, SAMPLE_SHIFT_MAX);
		return -EINVAL;
	}
	return 0;
}

static int __init ipjit_init(void)
{
	struct ipjit_policy policy = {};
	int err;

	err = read_parameters(&policy);
	if (err)
		return err;
	err = ipjit_cache_init();
	if (err)
		return err;
	err = ipjit_sample_init();
	if (err)
		goto err_cache;
	err = ipjit_layout_check();
	if (err)
		goto err_sample;
	err = ipjit_slot_init();
	if (err)
		goto err_sample;
	err = ipjit_socket_init();
	if (err)
		goto err_slot;
	err = ipjit_policy_set(&policy);
	if (err)
		goto err_socket;
	err = ipjit_device_init();
	if (err)
		goto err_socket;
	ipjit_elsewhere_init();
	return 0;

err_socket:
	ipjit_socket_uninit();
err_slot:
	ipjit_slot_uninit();
err_sample:
	ipjit_sample_uninit();
err_cache:
	ipjit_cache_uninit();
	return err;
}

static void __exit ipjit_exit(void)
{
	ipjit_elsewhere_uninit();
	ipjit_device_uninit();
	ipjit_socket_uninit();
	ipjit_slot_uninit();
	ipjit_sample_uninit();
	ipjit_cache_uninit();
}

module_init(ipjit_init);
module_exit(ipjit_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Packet filters, compiled outside, checked inside, swapped in place");
