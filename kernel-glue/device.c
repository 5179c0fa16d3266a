// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's file operations.
 *
 * One table says for each verb what it needs: nothing beyond an open file, a
 * file open for writing, or CAP_NET_ADMIN over the initial network namespace
 * (asked of the caller, not of who opened the file).  Arguments are copied in
 * once, by the size that the verb's number carries, and back once.
 *
 * An open file holds the module (fops.owner), a mapping holds the file: nothing
 * here outlives its code.
 */
#include "device.h"

#include <linux/capability.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

#include "budget.h"
#include "event.h"
#include "install.h"
#include "control.h"
#include "sample.h"
#include "socket.h"
#include "stats.h"

union argument {
	struct ipjit_dev_info info;
	struct ipjit_dev_list list;
	struct ipjit_dev_filter filter;
	struct ipjit_dev_program program;
	struct ipjit_dev_install install;
	struct ipjit_dev_target target;
	struct ipjit_dev_counters counters;
	struct ipjit_dev_use use;
	struct ipjit_dev_budget budget;
	u32 word;
};

enum need { ANYBODY, WRITER, ADMIN };

/* The file whose holder compiles; never looked into. */
static struct file *claimed;

static int do_info(struct file *file, union argument *a)
{
	return ipjit_stats_info(&a->info);
}

static int do_list(struct file *file, union argument *a)
{
	return ipjit_stats_list(&a->list);
}

static int do_filter(struct file *file, union argument *a)
{
	return ipjit_stats_filter(&a->filter);
}

static int do_program(struct file *file, union argument *a)
{
	return ipjit_stats_program(&a->program);
}

static int do_install(struct file *file, union argument *a)
{
	return ipjit_install(&a->install);
}

static int do_retreat(struct file *file, union argument *a)
{
	return ipjit_stats_retreat(&a->target);
}

static int do_counters(struct file *file, union argument *a)
{
	return ipjit_stats_counters(&a->counters);
}

static int do_use(struct file *file, union argument *a)
{
	return ipjit_budget_use(&a->use);
}

static int do_claim(struct file *file, union argument *a)
{
	struct file *was = cmpxchg(&claimed, NULL, file);

	return was && was != file ? -EBUSY : 0;
}

static int do_mode(struct file *file, union argument *a)
{
	return ipjit_control_mode(a->word);
}

static int do_shadow(struct file *file, union argument *a)
{
	return ipjit_control_shadow(a->word);
}

static int do_pause(struct file *file, union argument *a)
{
	return ipjit_control_pause(a->word);
}

static int do_evict(struct file *file, union argument *a)
{
	return ipjit_control_evict(&a->target);
}

static int do_budget(struct file *file, union argument *a)
{
	ipjit_budget_set(&a->budget);
	return 0;
}

static int do_sweep(struct file *file, union argument *a)
{
	ipjit_socket_sweep();
	return 0;
}

static const struct verb {
	unsigned int cmd;
	enum need need;
	int (*run)(struct file *file, union argument *a);
} verbs[] = {
	{ IPJIT_IOC_INFO, ANYBODY, do_info },
	{ IPJIT_IOC_LIST, ANYBODY, do_list },
	{ IPJIT_IOC_FILTER, ANYBODY, do_filter },
	{ IPJIT_IOC_PROGRAM, ANYBODY, do_program },
	{ IPJIT_IOC_COUNTERS, ANYBODY, do_counters },
	{ IPJIT_IOC_USE, ANYBODY, do_use },
	{ IPJIT_IOC_INSTALL, WRITER, do_install },
	{ IPJIT_IOC_RETREAT, WRITER, do_retreat },
	{ IPJIT_IOC_CLAIM, WRITER, do_claim },
	{ IPJIT_IOC_MODE, ADMIN, do_mode },
	{ IPJIT_IOC_SHADOW, ADMIN, do_shadow },
	{ IPJIT_IOC_PAUSE, ADMIN, do_pause },
	{ IPJIT_IOC_EVICT, ADMIN, do_evict },
	{ IPJIT_IOC_BUDGET, ADMIN, do_budget },
	{ IPJIT_IOC_SWEEP, ADMIN, do_sweep },
};

static bool is_admin(void)
{
	return ns_capable(init_net.user_ns, CAP_NET_ADMIN);
}

static const struct verb *verb_of(unsigned int cmd)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (verbs[i].cmd == cmd)
			return &verbs[i];
	return NULL;
}

static int may(const struct verb *verb, const struct file *file)
{
	switch (verb->need) {
	case WRITER:
		return file->f_mode & FMODE_WRITE ? 0 : -EBADF;
	case ADMIN:
		return is_admin() ? 0 : -EPERM;
	default:
		return 0;
	}
}

static long ipjit_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct verb *verb = verb_of(cmd);
	void __user *at = (void __user *)arg;
	union argument a;
	int err;

	if (!verb)
		return -ENOTTY;
	err = may(verb, file);
	if (err)
		return err;
	memset(&a, 0, sizeof(a));
	if ((_IOC_DIR(cmd) & _IOC_WRITE) && copy_from_user(&a, at, _IOC_SIZE(cmd)))
		return -EFAULT;
	err = verb->run(file, &a);
	/* ENOSPC: PROGRAM tells how much room it needs. */
	if (err && err != -ENOSPC)
		return err;
	if ((_IOC_DIR(cmd) & _IOC_READ) && copy_to_user(at, &a, _IOC_SIZE(cmd)))
		return -EFAULT;
	return err;
}

static int ipjit_open(struct inode *inode, struct file *file)
{
	struct ipjit_queue *queue;

	queue = ipjit_queue_new(ns_capable_noaudit(init_net.user_ns,
						   CAP_NET_ADMIN));
	if (IS_ERR_OR_NULL(queue))
		return queue ? PTR_ERR(queue) : -ENOMEM;
	file->private_data = queue;
	return stream_open(inode, file);
}

static int ipjit_release(struct inode *inode, struct file *file)
{
	cmpxchg(&claimed, file, NULL);
	ipjit_queue_free(file->private_data);
	return 0;
}

static ssize_t ipjit_read(struct file *file, char __user *to, size_t bytes,
			  loff_t *pos)
{
	return ipjit_queue_read(file->private_data, to, bytes,
				file->f_flags & O_NONBLOCK);
}

static __poll_t ipjit_poll(struct file *file, poll_table *wait)
{
	return ipjit_queue_poll(file->private_data, file, wait);
}

static int ipjit_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ipjit_sample_mmap(vma);
}

static const struct file_operations ipjit_fops = {
	.owner = THIS_MODULE,
	.open = ipjit_open,
	.release = ipjit_release,
	.read = ipjit_read,
	.poll = ipjit_poll,
	.mmap = ipjit_mmap,
	.unlocked_ioctl = ipjit_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice ipjit_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ipjit",
	.mode = 0660,
	.fops = &ipjit_fops,
};

int ipjit_device_init(void)
{
	return misc_register(&ipjit_misc);
}

void ipjit_device_uninit(void)
{
	misc_deregister(&ipjit_misc);
}
