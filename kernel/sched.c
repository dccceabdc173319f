// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/sched/, kernel/fork.c, kernel/signal.c and kernel/pid.c:
 * the one task, its address space and credentials. It is never switched away
 * from, never sleeps, and has a signal pending when the scenario says so.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/misc_cgroup.h>
#include <linux/rcuwait.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/swait.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <asm/preempt.h>

#include "standin.h"

#define VMM_PID		42

DEFINE_PER_CPU_CACHE_HOT(struct task_struct *, current_task);
DEFINE_PER_CPU_CACHE_HOT(unsigned long, __preempt_count) = PREEMPT_ENABLED;
enum system_states system_state = SYSTEM_RUNNING;
struct user_namespace init_user_ns;
unsigned long volatile jiffies = INITIAL_JIFFIES;

static struct pid vmm_pid;

void sched_init_task(void)
{
	struct task_struct *task = kzalloc(sizeof(*task), GFP_KERNEL | __GFP_NOFAIL);
	struct mm_struct *mm = kzalloc(PAGE_ALIGN(sizeof(*mm)), GFP_KERNEL | __GFP_NOFAIL);
	struct css_set *css = kzalloc(sizeof(*css), GFP_KERNEL | __GFP_NOFAIL);
	struct misc_cg *misc = kzalloc(sizeof(*misc), GFP_KERNEL | __GFP_NOFAIL);
	unsigned int cpu;

	atomic_set(&mm->mm_count, 1);
	atomic_set(&mm->mm_users, 1);
	init_rwsem(&mm->mmap_lock);
	spin_lock_init(&mm->page_table_lock);
	/* Empty, and stays so: KVM, which looks how large user mappings are, finds 4K. */
	mm->pgd = kzalloc(PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL);
	misc->css.flags = CSS_NO_REF;
	css->subsys[misc_cgrp_id] = &misc->css;
	task->mm = mm;
	task->active_mm = mm;
	task->pid = VMM_PID;
	task->tgid = VMM_PID;
	task->group_leader = task;
	task->signal = kzalloc(sizeof(*task->signal), GFP_KERNEL | __GFP_NOFAIL);
	rcu_assign_pointer(task->cgroups, css);
	refcount_set(&task->usage, 1);
	refcount_set(&vmm_pid.count, 1);
	for_each_possible_cpu(cpu)
		per_cpu(current_task, cpu) = task;
}

/* Never entered: the count starts with the inverted need-resched bit set. */
asm(".pushsection .text\n"
    ".globl preempt_schedule_thunk\n"
    "preempt_schedule_thunk: ret\n"
    ".globl preempt_schedule_notrace_thunk\n"
    "preempt_schedule_notrace_thunk: ret\n"
    ".popsection\n");

struct pid *get_task_pid(struct task_struct *task, enum pid_type type)
{
	refcount_inc(&vmm_pid.count);
	return &vmm_pid;
}

void put_pid(struct pid *pid)
{
	if (pid)
		refcount_dec(&pid->count);
}

pid_t pid_vnr(struct pid *pid)
{
	return VMM_PID;
}

bool capable(int cap)
{
	return true;
}

bool has_capability_noaudit(struct task_struct *task, int cap)
{
	return true;
}

void __init_waitqueue_head(struct wait_queue_head *queue, const char *name,
			   struct lock_class_key *key)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->head);
}

void finish_rcuwait(struct rcuwait *wait)
{
	rcu_assign_pointer(wait->task, NULL);
}

void kern_set_signal(int pending)
{
	if (pending)
		set_tsk_thread_flag(current, TIF_SIGPENDING);
	else
		clear_tsk_thread_flag(current, TIF_SIGPENDING);
}

/* Before a guest is entered again. */
int xfer_to_guest_mode_handle_work(void)
{
	return signal_pending(current) ? -EINTR : 0;
}

/* Nobody is there to wake the task: the signal that ends a sleep comes at once. */
void schedule(void)
{
	kern_set_signal(1);
}
