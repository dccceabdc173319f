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
 * (Module locks are not here: they never wait, see model/tdx/lock.h.)
 */
#ifndef SEPTUM_BASE_TASK_H
#define SEPTUM_BASE_TASK_H

#include "sim/base/types.h"

struct env;

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
#define TASK_HELD_MAX	16
#define TASK_NAME_MAX	24

enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };

enum lock_class {
#define LOCK_CLASS(name, text) LOCK_##name,
#include "sim/base/lock_classes.def"
#undef LOCK_CLASS
	LOCK_CLASS_NR
};

/* A kernel lock of any kind; the class says which. All zero but class is free. */
struct lock {
	u8 class;		/* enum lock_class */
	s8 owner;		/* task that holds it exclusively, -1 none */
	u16 readers;
	u16 waiting_writers;
	u64 id;			/* which one, for reports: inode number, pfn, ... */
};

struct task {
	char name[TASK_NAME_MAX];
	u8 id;
	u8 state;		/* enum task_state */
	bool signal_pending;
	int cpu;		/* logical processor it runs on */
	struct lock *waiting_for;
	u8 waiting_mode;
	const char *waiting_event;	/* for a spin: what it waits for */
	struct {
		struct lock *lock;
		u8 mode;
	} held[TASK_HELD_MAX];
	u8 held_count;
	void (*entry)(void *arg);
	void *arg;
	void *context;		/* saved stack pointer and stack, see task.c */
};

struct sched {
	struct task task[TASK_MAX];
	u8 current;		/* index; task 0 is the one that runs the scenario */
	u8 live;		/* tasks created and not done, task 0 included */
	bool deadlock, hang;
	u64 switches;
	u32 progress;		/* bumped by whatever a retry loop may wait for */
	/* order[a] has bit b: a was held while b was taken */
	u32 order[LOCK_CLASS_NR];
};

static_assert(LOCK_CLASS_NR <= 32, "lock order is kept in one u32 a class");

#define current_task(env) (&(env)->sched.task[(env)->sched.current])

/* The task's id, -EAGAIN when all TASK_MAX are in use. */
int task_create(struct env *env, const char *name, void (*entry)(void *), void *arg);
/* Run until all created tasks are done, or nobody can run. */
void task_run_all(struct env *env);

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
 * true is returned so that the caller can leave the loop.
 */
bool task_spin(struct env *env, const char *loop, const char *event);

void lock_init(struct lock *lock, enum lock_class class, u64 id);
void lock_acquire(struct lock *lock, enum lock_mode mode);
bool lock_try(struct lock *lock, enum lock_mode mode);
void lock_release(struct lock *lock, enum lock_mode mode);
/* lockdep_assert_held(): INV_LOCK_RULES is broken when it is not held so. */
void lock_assert_held(const struct lock *lock, enum lock_mode mode,
		      const char *where);
bool lock_is_held(const struct lock *lock);

/* The kernel's names. A lock must lie in an arena. */
#define mutex_lock(l)		lock_acquire(l, LOCK_EXCLUSIVE)
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
