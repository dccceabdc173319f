/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking and dropping a lock (task.h) where nobody could care: no other task is
 * there, nobody listens, the lock is free and its order an old one. That is
 * nearly every time, so it is done in place; the rest is lock.c's.
 */
#ifndef SEPTUM_BASE_LOCK_H
#define SEPTUM_BASE_LOCK_H

#include "sim/base/env.h"

void lock_acquire_slow(struct lock *lock, enum lock_mode mode);
void lock_release_slow(struct lock *lock, enum lock_mode mode);
void lock_assert_held_slow(const struct lock *lock, enum lock_mode mode, const char *where);

/* No other task: then the one that runs is the first. */
static inline bool lock_unwatched(const struct env *env)
{
	return likely(env->sched.live <= 1 && !trace_on(env, TRACE_LOCK));
}

static inline bool lock_is_free_for(const struct lock *lock, enum lock_mode mode)
{
	if (mode == LOCK_EXCLUSIVE)
		return !lock->owner && !lock->readers;
	return !lock->owner;
}

/* A reader that comes now finds a writer waiting. */
static inline bool lock_must_queue(const struct lock *lock, enum lock_mode mode)
{
	return mode == LOCK_SHARED && lock->waiting_writers;
}

/* @task has room for one more. */
static inline void lock_grab(struct task *task, struct lock *lock, enum lock_mode mode)
{
	struct task_held *held = &task->held[task->held_count++];

	held->lock = lock;
	held->mode = mode;
	held->classes_before = task->held_classes;
	task->held_classes |= 1u << lock->class;
	if (mode == LOCK_EXCLUSIVE)
		lock->owner = task->id + 1;
	else
		lock->readers++;
}

/*
 * Never fails for the caller. When the only task waits for itself, the deadlock
 * is recorded (->deadlock) and the lock treated as granted so that the step can
 * unwind; the run is then worth nothing more and whoever runs steps must end it.
 */
static __always_inline void lock_acquire(struct lock *lock, enum lock_mode mode)
{
	struct env *env = env_of(lock);
	struct task *task = &env->sched.task[0];
	bool srcu = lock->class == LOCK_SRCU;

	if (unlikely(!lock_unwatched(env) || task->held_count == TASK_HELD_MAX || !lock->class ||
		     (!srcu && (task->held_classes & ~env->sched.before[lock->class] ||
				!lock_is_free_for(lock, mode) || lock_must_queue(lock, mode))))) {
		lock_acquire_slow(lock, mode);
		return;
	}
	if (!srcu)
		check_hit(env, INV_LOCK_RULES);
	lock_grab(task, lock, mode);
}

/* Most often the lock taken last goes first. */
static inline bool lock_forget_last(struct task *task, const struct lock *lock,
				    enum lock_mode mode)
{
	const struct task_held *end = task->held + task->held_count;

	if (unlikely(end == task->held || end[-1].lock != lock || end[-1].mode != mode))
		return false;
	task->held_count--;
	task->held_classes = end[-1].classes_before;
	return true;
}

static inline void lock_let_go(struct lock *lock, enum lock_mode mode)
{
	if (mode == LOCK_EXCLUSIVE)
		lock->owner = 0;
	else
		lock->readers--;
}

static __always_inline void lock_release(struct lock *lock, enum lock_mode mode)
{
	struct env *env = env_of(lock);

	if (unlikely(!lock_unwatched(env) || lock->tried ||
		     !lock_forget_last(&env->sched.task[0], lock, mode)))
		lock_release_slow(lock, mode);
	else
		lock_let_go(lock, mode);
}

/*
 * lockdep_assert_held(): INV_LOCK_RULES is broken when it is not held so. The lock
 * taken last is held, in one mode or the other.
 */
static __always_inline void lock_assert_held(const struct lock *lock, enum lock_mode mode,
					     const char *where)
{
	struct env *env = env_of(lock);
	const struct task *task = &env->sched.task[0];
	const struct task_held *end = task->held + task->held_count;

	check_hit(env, INV_LOCK_RULES);
	if (lock->owner == env->sched.current + 1 && mode == LOCK_EXCLUSIVE)
		return;
	if (unlikely(mode == LOCK_EXCLUSIVE || env->sched.live > 1 || end == task->held ||
		     end[-1].lock != lock))
		lock_assert_held_slow(lock, mode, where);
}

#endif /* SEPTUM_BASE_LOCK_H */
