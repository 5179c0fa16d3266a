/* SPDX-License-Identifier: GPL-2.0-only */
/* Looking at all sockets; each one is shown to ipjit_socket_see(). */
#ifndef IPJIT_SWEEP_H
#define IPJIT_SWEEP_H

struct sock;
struct task_struct;

/* Packet sockets of the network namespaces that are covered. */
void ipjit_sweep_packet(void);
/* Sockets among the open files of all tasks. */
void ipjit_sweep_files(void);

/* socket.c: any context that holds the socket; `task` had it open, or NULL. */
void ipjit_socket_see(struct sock *sk, struct task_struct *task);

#endif
