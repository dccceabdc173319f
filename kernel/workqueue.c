// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/workqueue.c and kernel/kthread.c: work runs between two
 * system calls, in order. Delayed work never comes due. The thread that KVM
 * makes to give huge pages back is made but never run.
 */
#include <linux/workqueue.h>
#include <linux/sched/vhost_task.h>

#include "standin.h"

struct workqueue_struct {
	int unused;
};

static struct workqueue_struct the_queue;
struct workqueue_struct *system_long_wq = &the_queue;
struct workqueue_struct *system_percpu_wq = &the_queue;

static LIST_HEAD(pending);

void workqueue_run(void)
{
	while (!list_empty(&pending)) {
		struct work_struct *work = list_first_entry(&pending, struct work_struct, entry);

		list_del_init(&work->entry);
		clear_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work));
		work->func(work);
	}
}

struct workqueue_struct *alloc_workqueue_noprof(const char *format, unsigned int flags,
						int max_active, ...)
{
	return &the_queue;
}

void destroy_workqueue(struct workqueue_struct *queue)
{
	workqueue_run();
}

bool queue_work_on(int cpu, struct workqueue_struct *queue, struct work_struct *work)
{
	if (test_and_set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work)))
		return false;
	list_add_tail(&work->entry, &pending);
	return true;
}

bool queue_delayed_work_on(int cpu, struct workqueue_struct *queue, struct delayed_work *work,
			   unsigned long delay)
{
	return true;
}

void __flush_workqueue(struct workqueue_struct *queue)
{
	workqueue_run();
}

bool flush_work(struct work_struct *work)
{
	workqueue_run();
	return true;
}

bool cancel_work_sync(struct work_struct *work)
{
	if (!test_and_clear_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work)))
		return false;
	list_del_init(&work->entry);
	return true;
}

bool cancel_delayed_work_sync(struct delayed_work *work)
{
	return false;
}

struct vhost_task {
	int unused;
};

static struct vhost_task recovery_thread;

struct vhost_task *vhost_task_create(bool (*fn)(void *arg), void (*handle_sigkill)(void *arg),
				     void *arg, const char *name)
{
	return &recovery_thread;
}

void vhost_task_start(struct vhost_task *task)
{
}

void vhost_task_stop(struct vhost_task *task)
{
}

void vhost_task_wake(struct vhost_task *task)
{
}
