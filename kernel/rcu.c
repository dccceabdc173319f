// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/rcu/: RCU and SRCU.
 *
 * Callbacks are queued and run when somebody waits for a grace period and
 * between two system calls, in the order they were queued. A task that waits
 * for SRCU readers while being one itself has deadlocked; that is reported.
 */
#include <linux/rcupdate.h>
#include <linux/srcu.h>

#include "standin.h"

static struct callback_head *queue, **queue_tail = &queue;

/* The srcu_structs somebody reads now: few, since one task runs. */
#define READ_MAX	16

static struct srcu_reading {
	struct srcu_struct *srcu;
	unsigned long readers;
} reading[READ_MAX];

static struct srcu_reading *srcu_reading(struct srcu_struct *srcu)
{
	struct srcu_reading *r, *unused = NULL;

	for (r = reading; r < reading + READ_MAX; r++) {
		if (r->readers && r->srcu == srcu)
			return r;
		if (!r->readers)
			unused = r;
	}
	if (!unused)
		proc_fatal("more than %d SRCU domains read at once", READ_MAX);
	unused->srcu = srcu;
	return unused;
}

void rcu_run_callbacks(void)
{
	while (queue) {
		struct callback_head *head = queue;

		queue = head->next;
		if (!queue)
			queue_tail = &queue;
		head->func(head);
	}
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	head->func = func;
	head->next = NULL;
	*queue_tail = head;
	queue_tail = &head->next;
}

void synchronize_rcu(void)
{
	rcu_run_callbacks();
}

void rcu_barrier(void)
{
	rcu_run_callbacks();
}

int init_srcu_struct_generic(struct srcu_struct *srcu)
{
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *srcu)
{
	rcu_run_callbacks();
}

int __srcu_read_lock(struct srcu_struct *srcu)
{
	srcu_reading(srcu)->readers++;
	return 0;
}

void __srcu_read_unlock(struct srcu_struct *srcu, int idx)
{
	srcu_reading(srcu)->readers--;
}

void call_srcu(struct srcu_struct *srcu, struct rcu_head *head, rcu_callback_t func)
{
	call_rcu(head, func);
}

void synchronize_srcu(struct srcu_struct *srcu)
{
	if (srcu_reading(srcu)->readers)
		proc_deadlock("synchronize_srcu inside its own read side", srcu);
	rcu_run_callbacks();
}

void synchronize_srcu_expedited(struct srcu_struct *srcu)
{
	synchronize_srcu(srcu);
}

void srcu_barrier(struct srcu_struct *srcu)
{
	rcu_run_callbacks();
}
