// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweeps.
 *
 * Packet sockets hang in a list of their network namespace, under RCU.  Others
 * hang in hash tables of their protocols, most of which are not ours to see; but
 * a socket that anybody uses is an open file.  Not found that way: sockets that
 * are only in flight inside a Unix socket; the next sweep after they land does.
 *
 * Tasks are taken by ascending number.  A number, unlike a place in the list of
 * tasks, is still one when its task has gone, so a sweep always gets to the end,
 * whoever dies meanwhile; and it has one, because numbers do.
 *
 * Who makes tasks all the time cannot make it long: a task that is younger than
 * the sweep is left to the probe and to the next one, and a table of files that
 * many tasks share is looked at once.
 */
#include "sweep.h"

#include <linux/cache.h>
#include <linux/fdtable.h>
#include <linux/ktime.h>
#include <linux/net.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "left.h"
#include "module.h"

/*
 * Looked at before others may run.  A task's files are looked at under the locks
 * of the task and of its table, for which it waits if it opens or closes one.
 */
#define FILES_AT_ONCE 256

/* Where we are among the open files of a task. */
struct walk {
	struct xarray tables;	/* seen by this sweep, by address; may be gone */
	u64 begun_ns;
	struct task_struct *task;
	unsigned int next;	/* descriptor */
	u32 left;		/* of this piece */
};

static void see_net(struct net *net)
{
	struct sock *sk;

	sk_for_each_rcu(sk, &net->packet.sklist)
		ipjit_socket_see(sk, NULL);
}

/* A namespace that is held stays in the list while others run. */
static void see_all_nets(void)
{
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net) {
		see_net(net);
		if (!maybe_get_net(net))
			continue;
		rcu_read_unlock();
		cond_resched();
		rcu_read_lock();
		put_net(net);
	}
	rcu_read_unlock();
}

void ipjit_sweep_packet(void)
{
	if (ipjit_all_netns) {
		see_all_nets();
		return;
	}
	rcu_read_lock();
	see_net(&init_net);
	rcu_read_unlock();
}

/* 1 ends the piece; the file was not looked at then. */
static int see_file(const void *data, struct file *file, unsigned int fd)
{
	struct walk *walk = (struct walk *)data;
	struct socket *socket;

	walk->next = fd;
	if (!walk->left--)
		return 1;
	socket = sock_from_file(file);
	if (socket && socket->sk)
		ipjit_socket_see(socket->sk, walk->task->group_leader);
	return 0;
}

/*
 * True if there are more.  A task that has files has not exited, so its leader is
 * there too, whose name is the process's.
 */
static bool see_some_files(struct walk *walk)
{
	struct task_struct *task = walk->task;
	int more = 0;

	walk->left = FILES_AT_ONCE;
	task_lock(task);
	if (task->files)
		more = iterate_fd(task->files, walk->next, see_file, walk);
	task_unlock(task);
	return more;
}

/*
 * False where somebody's files are these too and were looked at: of a process its
 * leader's usually, but numbers wrap, so a thread may have a lower one.  Without
 * memory to know that they are looked at again.
 */
static bool is_new_table(struct walk *walk)
{
	unsigned long table = (unsigned long)READ_ONCE(walk->task->files);

	return table && xa_insert(&walk->tables, table / L1_CACHE_BYTES,
				  xa_mk_value(1), GFP_KERNEL) != -EBUSY;
}

/* The task of this number or the next above it, held, and the number behind it. */
static struct task_struct *next_held(int *number)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	rcu_read_lock();
	while (!task) {
		pid = find_ge_pid(*number, &init_pid_ns);
		if (!pid)
			break;
		*number = pid_nr(pid) + 1;
		/* A number may outlive its task, as a group's or a session's. */
		task = pid_task(pid, PIDTYPE_PID);
	}
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

void ipjit_sweep_files(void)
{
	struct walk walk = { .begun_ns = ktime_get_ns() };
	int number = 1;

	xa_init(&walk.tables);
	ipjit_left_round();
	while ((walk.task = next_held(&number))) {
		walk.next = 0;
		if (walk.task->start_time <= walk.begun_ns && is_new_table(&walk))
			while (see_some_files(&walk))
				cond_resched();
		put_task_struct(walk.task);
		cond_resched();
	}
	xa_destroy(&walk.tables);
}
