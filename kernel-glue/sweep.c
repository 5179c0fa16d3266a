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

/* Tasks looked at before others may run. */
#define TASKS_AT_ONCE 32

void ipjit_sweep_packet(void)
{
	struct sock *sk;
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net)
		sk_for_each_rcu(sk, &net->packet.sklist)
			ipjit_socket_see(sk, NULL);
	rcu_read_unlock();
}

static int see_file(const void *task, struct file *file, unsigned int fd)
{
	struct socket *socket = sock_from_file(file);

	if (socket && socket->sk)
		ipjit_socket_see(socket->sk, (struct task_struct *)task);
	return 0;
}

static void see_task(struct task_struct *task)
{
	task_lock(task);
	if (task->files &&
	    (thread_group_leader(task) ||
	     task->files != task->group_leader->files))
		iterate_fd(task->files, 0, see_file, task);
	task_unlock(task);
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
	u32 seen = 0;

	ipjit_left_round();
	rcu_read_lock();
	for_each_process_thread(leader, task) {
		see_task(task);
		if (++seen % TASKS_AT_ONCE == 0 && !breathe(leader, task))
			goto out;
	}
out:
	rcu_read_unlock();
}
