/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulated tasks and the locks they take.
 *
 * A task is a coroutine: a vCPU thread, an ioctl caller, a GUP user,
 * memory_failure. Exactly one runs; it may be switched away from only at the
 * points of enum yield_point, where choose(CHOICE_TASK) picks who goes on.
 * With one task no point costs more than a compare, and nothing is chosen.
 *
 * Kernel locks block. A task that cannot get one is not runnable until it is
 * released; when nobody is runnable that is a deadlock, reported with the
 * wait-for graph under INV_LOCK_RULES. Every class has a row in
 * lock_classes.def; orders seen are kept by class and an inverted pair is
 * reported, also when this run did not deadlock.
 *
 * Readers queue behind a writer that waited before them, as the kernel's queued
 * rwlock and rwsem do, so that a recursive reader can deadlock with a writer
 * between its two acquisitions. An SRCU read side never waits.
 *
 * Task 0 is the one that runs the scenario; others run only inside
 * task_run_all(). x86-64 only.
 *
 * (Module locks are not here: they never wait, see model/tdx/lock.h.)
 */
#ifndef SEPTUM_BASE_TASK_H
#define SEPTUM_BASE_TASK_H

#include "sim/base/types.h"

struct env;
struct task_stacks;

enum yield_point {
	YIELD_LOCK,		/* before a lock is taken, after it is released */
	YIELD_SEAMCALL,
	YIELD_SPTE,		/* atomic SPTE update */
	YIELD_IPI,
	YIELD_ALLOC,
	YIELD_GUEST,		/* a guest instruction */
	YIELD_RETRY,		/* once round a loop that waits for others */
	YIELD_NR
};

enum task_state {
	TASK_FREE,
	TASK_RUNNABLE,
	TASK_BLOCKED,		/* waits for ->waiting_for */
	TASK_SPINNING,		/* went round a retry loop, nothing changed yet */
	TASK_DONE,
};

#define TASK_MAX	8
#define TASK_HELD_MAX	40	/* truncation alone locks a batch of 31 folios */
#define TASK_NAME_MAX	24

enum lock_mode {
	LOCK_SHARED,
	LOCK_EXCLUSIVE,
	LOCK_SYNCHRONIZE,	/* ->waiting_mode of synchronize_srcu() only */
};

enum lock_class {
#define LOCK_CLASS(name, text) LOCK_##name,
#include "sim/base/lock_classes.def"
#undef LOCK_CLASS
	LOCK_CLASS_NR
};

/* A kernel lock of any kind; the class says which. All zero but class is free. */
struct lock {
	u8 class;		/* enum lock_class */
	u8 owner;		/* id + 1 of the task that holds it exclusively, 0 none */
	bool tried;		/* lock_try() failed since the last release */
	u16 readers;
	u16 waiting_writers;
	u64 id;			/* which one, for reports: inode number, pfn, ... */
};

/* In the order of how often it changes: an explorer pays by the cache line. */
struct task {
	_Alignas(64) u8 id;
	u8 state;		/* enum task_state */
	bool signal_pending;
	u8 held_count;
	u32 held_classes;	/* BIT(class) */
	void *context;		/* saved stack pointer; its stack is the id's */
	struct task_spin {
		u32 own;		/* ->progress this task made itself */
		u32 others, all;	/* progress at the last round */
		u32 rounds;		/* in which only this task made progress */
		u32 step;
		bool stuck;		/* another round would see the same again */
		bool told;		/* leave the loop: it is a hang */
	} spin;
	int cpu;		/* logical processor it runs on */
	struct lock *waiting_for;
	u8 waiting_mode;
	u8 waiting_readers;		/* synchronize_srcu: tasks not out yet, BIT(id) */
	u32 ticket;			/* readers let earlier writers pass */
	struct task_held {
		struct lock *lock;
		u32 classes_before;	/* ->held_classes without it */
		u32 mode;
	} held[TASK_HELD_MAX];
	const char *waiting_loop;	/* for a spin: where it goes round */
	const char *waiting_event;	/* and what for */
	char name[TASK_NAME_MAX];
	void (*entry)(void *arg);
	void *arg;
};

struct sched {
	struct task task[TASK_MAX];
	_Alignas(64) u8 current;	/* index; task 0 is the one that runs the scenario */
	u8 live;		/* tasks created and not done, task 0 included */
	u8 top;			/* the highest id created, and not forgotten */
	bool deadlock, hang;
	/*
	 * Stepped by an explorer, see task_resume(): every choice comes to task 0.
	 * asked: alternatives of a pending choose(), 0 = who runs is the question.
	 */
	bool stepped;
	u8 last;		/* the task that ran before task 0 */
	u8 asked_kind;
	u16 asked, answer;
	u32 preemption_bound;	/* 0 = no bound; set before a snapshot */
	u32 preemptions;	/* switches away from a task that could go on */
	u64 switches;
	/*
	 * Bumped by whatever a retry loop may wait for: a reference dropped, an
	 * entry unfrozen, a batch drained.
	 */
	u32 progress;
	/*
	 * Rounds of retry loops, whoever's, since a step began or a task ended: two
	 * that only keep each other busy bump ->progress for ever.
	 */
	u32 rounds;
	u32 rounds_step;
	u32 slice_start;	/* ->progress when the running task was switched to */
	u32 ticket;
	/*
	 * Last and on cache lines of their own: an explorer tells states apart by them.
	 * before[b] has bit a: a was held while b was taken.
	 */
	_Alignas(64) u32 before[LOCK_CLASS_NR];
	u32 inverted[LOCK_CLASS_NR];	/* pairs reported, same shape */
};

static_assert(LOCK_CLASS_NR <= 32, "lock order is kept in one u32 a class");

#define current_task(env) (&(env)->sched.task[(env)->sched.current])

/* The task's id, -EAGAIN when all TASK_MAX are in use. */
int task_create(struct env *env, const char *name, void (*entry)(void *), void *arg);
/*
 * Run until all created tasks are done, or nobody can run: then ->deadlock or
 * ->hang is set, the tasks are abandoned where they stand, and what they held
 * stays held. False in that case, or when task_stop() ended it.
 */
bool task_run_all(struct env *env);
/* From inside a task: abandon all tasks; task_run_all() returns false. */
void task_stop(struct env *env);
/*
 * Stepping, for an explorer on task 0 that keeps the tree of choices itself:
 * with ->stepped set, tasks come back to it at each choice. It looks at
 * ->asked: nonzero, put the pick into ->answer and resume ->last; zero, pick one
 * of task_candidates(->last) and resume that. No candidate: task_stuck().
 */
void task_resume(struct env *env, u8 id);
/* Candidates in the order choose() counts them: @from first if it can go on. */
u32 task_candidates(struct env *env, u8 from, u8 candidate[TASK_MAX]);
/* Count a pick that took the processor away from @from. */
void task_note_pick(struct env *env, u8 from, u32 picked);
/*
 * Nobody can run: a spinning task is told that it is a hang and returned, else
 * a deadlock is reported and 0 returned.
 */
u8 task_stuck(struct env *env);
/* All created tasks are as good as never made. */
void task_forget_all(struct env *env);
/* The lowest byte of a task's stack; used from ->context to its end. */
void *task_stack_base(const struct env *env, u8 id);
u64 task_stack_size(void);

/* Give the stacks back to the host. */
void task_stacks_free(struct task_stacks *stacks);

void task_yield_slow(struct env *env, enum yield_point point);
/* @env's running task lets others go on. Free when it is the only one. */
#define task_yield(env, point)				\
	do {						\
		if (unlikely((env)->sched.live > 1))	\
			task_yield_slow(env, point);	\
	} while (0)

/*
 * Once round a loop that can only end when somebody else does something. With
 * nobody left who could, this is a hang: reported with @loop and @event, and
 * true is returned so that the caller can leave the loop. The first round of a
 * loop is never one; nor are, for a while, rounds in which only the task itself
 * made progress (it may have drained what it waits for), or in which all who are
 * left go round loops and none of them ends. @event NULL: the loop
 * can end by itself (a guest meets its timer), so being left alone is no hang;
 * true is returned and nothing reported.
 */
bool task_spin(struct env *env, const char *loop, const char *event);

void lock_init(struct lock *lock, enum lock_class class, u64 id);
/* lock_acquire() itself, lock_release() and lock_assert_held() are in lock.h. */
bool lock_try(struct lock *lock, enum lock_mode mode);
/* By anybody. */
bool lock_is_held(const struct lock *lock);
extern const char *const lock_class_name[LOCK_CLASS_NR];

/* The kernel's names. A lock must lie in an arena. */
#define mutex_lock(l)		lock_acquire(l, LOCK_EXCLUSIVE)
/* With another of its class held: who comes first is the callers' own rule. */
void mutex_lock_nested(struct lock *lock);
#define mutex_unlock(l)		lock_release(l, LOCK_EXCLUSIVE)
#define spin_lock(l)		lock_acquire(l, LOCK_EXCLUSIVE)
#define spin_unlock(l)		lock_release(l, LOCK_EXCLUSIVE)
#define read_lock(l)		lock_acquire(l, LOCK_SHARED)
#define read_unlock(l)		lock_release(l, LOCK_SHARED)
#define write_lock(l)		lock_acquire(l, LOCK_EXCLUSIVE)
#define write_unlock(l)		lock_release(l, LOCK_EXCLUSIVE)
#define down_read(l)		lock_acquire(l, LOCK_SHARED)
#define up_read(l)		lock_release(l, LOCK_SHARED)
#define down_write(l)		lock_acquire(l, LOCK_EXCLUSIVE)
#define up_write(l)		lock_release(l, LOCK_EXCLUSIVE)
#define srcu_read_lock(l)	lock_acquire(l, LOCK_SHARED)
#define srcu_read_unlock(l)	lock_release(l, LOCK_SHARED)
/* Waits until every reader of before has left. */
void synchronize_srcu(struct lock *lock);
#define lockdep_assert_held(l)		lock_assert_held(l, LOCK_SHARED, __func__)
#define lockdep_assert_held_write(l)	lock_assert_held(l, LOCK_EXCLUSIVE, __func__)

#endif /* SEPTUM_BASE_TASK_H */
