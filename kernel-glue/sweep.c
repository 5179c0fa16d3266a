// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweeps.
 *
 * Packet sockets hang in a list of their network namespace, under RCU.  Others
 * hang in hash tables of their protocols, most of which are not ours to see; but
 * a socket that anybody uses is an open file.  Not found that way: sockets that
 * are only in flight inside a Unix socket; the next sweep after they land does.
 */
#include "sweep.h"

#include <linux/fdtable.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "left.h"
#include "module.h"

/*
 * Looked at before others may run.  A task's files are looked at under the locks
 * of the task and of its table, for which it waits if it opens or closes one.
 */
#define TASKS_AT_ONCE 32
#define FILES_AT_ONCE 256

/* Where we are among the open files of a task. */
struct walk {
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
		ipjit_socket_see(socket->sk, walk->task);
	return 0;
}

/* True if there are more. */
static bool see_some_files(struct walk *walk)
{
	struct task_struct *task = walk->task;
	int more = 0;

	walk->left = FILES_AT_ONCE;
	task_lock(task);
	if (task->files &&
	    (thread_group_leader(task) ||
	     task->files != task->group_leader->files))
		more = iterate_fd(task->files, walk->next, see_file, walk);
	task_unlock(task);
	return more;
}

/* False if the walk lost its place: the task has gone meanwhile. */
static bool breathe(struct task_struct *leader, struct task_struct *task)
{
	bool both_there;

	get_task_struct(leader);
	get_task_struct(task);
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	both_there = pid_alive(leader) && pid_alive(task);
	put_task_struct(task);
	put_task_struct(leader);
	return both_there;
}

void ipjit_sweep_files(void)
{
	struct task_struct *leader, *task;
	struct walk walk;
	u32 seen = 0;

	ipjit_left_round();
	rcu_read_lock();
	for_each_process_thread(leader, task) {
		walk = (struct walk){ .task = task };
		while (see_some_files(&walk))
			if (!breathe(leader, task))
				goto out;
		if (++seen % TASKS_AT_ONCE == 0 && !breathe(leader, task))
			goto out;
	}
out:
	rcu_read_unlock();
}
