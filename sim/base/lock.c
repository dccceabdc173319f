// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel locks of simulated tasks: mutex, spinlock, rwlock, rwsem, folio lock
 * and SRCU, told apart by class only. They block; what lockdep would say about
 * order, missing locks and recursion is said here under INV_LOCK_RULES.
 *
 * Left out: lockdep's IRQ contexts, wait types and chain cache; lock order is
 * learned by class pair, as lockdep does, but without its longer cycles (a
 * cycle through three classes is found when the explorer runs into it).
 */
#include <stdio.h>
#include <string.h>

#include "sim/base/env.h"
#include "sim/base/task_impl.h"

const char *const lock_class_name[LOCK_CLASS_NR] = {
#define LOCK_CLASS(name, text) [LOCK_##name] = text,
#include "sim/base/lock_classes.def"
#undef LOCK_CLASS
};

/*
 * Classes of which one task may hold several: folios are locked in index
 * order, all vCPU mutexes are taken under kvm->lock, SRCU readers nest.
 */
#define MAY_NEST (1u << LOCK_FOLIO | 1u << LOCK_VCPU_MUTEX | 1u << LOCK_SRCU)

void lock_init(struct lock *lock, enum lock_class class, u64 id)
{
	*lock = (struct lock){ .class = class, .id = id };
}

static void trace_lock(struct env *env, const struct lock *lock, const char *what)
{
	struct trace_event event = {
		.kind = TRACE_LOCK,
		.sync = { .lock = lock, .name = lock_class_name[lock->class], .what = what },
	};

	trace_emit(env, &event);
}

/* -- Reports -- */

static void append(char *text, size_t size, const char *fmt, ...) __printf(3, 4);

static void append(char *text, size_t size, const char *fmt, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + length, size - length, fmt, args);
	va_end(args);
}

static bool task_holds(const struct task *task, const struct lock *lock)
{
	u32 i;

	for (i = 0; i < task->held_count; i++)
		if (task->held[i].lock == lock)
			return true;
	return false;
}

static void describe_waiter(const struct sched *sched, const struct task *task,
			    char *text, size_t size)
{
	const struct lock *lock = task->waiting_for;
	u32 i;

	append(text, size, "%stask %s", text[0] ? "; " : "", task->name);
	for (i = 0; i < task->held_count; i++) {
		const struct lock *held = task->held[i].lock;

		append(text, size, "%s %s#%llu", i ? "," : " holds", lock_class_name[held->class],
		       (unsigned long long)held->id);
	}
	append(text, size, " waits for %s#%llu", lock_class_name[lock->class],
	       (unsigned long long)lock->id);
	for (i = 0; i < TASK_MAX; i++)
		if (sched->task[i].state != TASK_FREE && task_holds(&sched->task[i], lock))
			append(text, size, " held by %s", sched->task[i].name);
}

void lock_describe_waiters(const struct env *env, char *text, size_t size)
{
	const struct sched *sched = &env->sched;
	u32 i;

	for (i = 0; i < TASK_MAX; i++)
		if (sched->task[i].state == TASK_BLOCKED)
			describe_waiter(sched, &sched->task[i], text, size);
}

void lock_report_deadlock(struct env *env)
{
	char text[CHECK_TEXT_MAX] = "";

	env->sched.deadlock = true;
	lock_describe_waiters(env, text, sizeof(text));
	check_fail(env, INV_LOCK_RULES, "deadlock: %s", text);
}

static void report_order(struct env *env, const struct lock *lock, u32 inverted)
{
	struct sched *sched = &env->sched;
	u32 class;

	for (class = 0; class < LOCK_CLASS_NR; class++) {
		if (!(inverted & 1u << class))
			continue;
		sched->inverted[lock->class] |= 1u << class;
		sched->inverted[class] |= 1u << lock->class;
		if (class == lock->class)
			check_fail(env, INV_LOCK_RULES, "task %s takes %s#%llu with another %s held",
				   current_task(env)->name, lock_class_name[class],
				   (unsigned long long)lock->id, lock_class_name[class]);
		else
			check_fail(env, INV_LOCK_RULES,
				   "lock order: task %s takes %s with %s held, elsewhere it is the other way",
				   current_task(env)->name, lock_class_name[lock->class],
				   lock_class_name[class]);
	}
}

/* A pair of classes not seen in this order before. */
static void learn_order(struct env *env, const struct task *task, const struct lock *lock)
{
	struct sched *sched = &env->sched;
	u32 class, inverted = 0, fresh = task->held_classes & ~sched->before[lock->class];

	for (class = 0; class < LOCK_CLASS_NR; class++) {
		if (!(fresh & 1u << class))
			continue;
		if (class == lock->class)
			inverted |= 1u << class & ~MAY_NEST;
		else if (sched->before[class] & 1u << lock->class)
			inverted |= 1u << class;
	}
	sched->before[lock->class] |= fresh;
	inverted &= ~sched->inverted[lock->class];
	if (inverted)
		report_order(env, lock, inverted);
}

static inline void check_order(struct env *env, const struct task *task, const struct lock *lock)
{
	check_that(env, INV_LOCK_RULES, lock->class, "task %s takes a lock that was never initialised",
		   task->name);
	if (unlikely(task->held_classes & ~env->sched.before[lock->class]))
		learn_order(env, task, lock);
}

/* -- Waiting -- */

bool lock_wait_over(const struct sched *sched, const struct task *task)
{
	const struct lock *lock = task->waiting_for;
	u32 i;

	if (task->waiting_mode == LOCK_SYNCHRONIZE)
		return !task->waiting_readers;
	if (!lock_is_free_for(lock, task->waiting_mode))
		return false;
	if (task->waiting_mode == LOCK_EXCLUSIVE || !lock->waiting_writers)
		return true;
	for (i = 0; i < TASK_MAX; i++) {
		const struct task *other = &sched->task[i];

		if (other->state == TASK_BLOCKED && other->waiting_for == lock &&
		    other->waiting_mode == LOCK_EXCLUSIVE &&
		    (s32)(other->ticket - task->ticket) < 0)
			return false;
	}
	return true;
}

/* Until lock_wait_over(); at once, with the deadlock reported, outside tasks. */
static void wait_for(struct env *env, struct task *task, struct lock *lock, enum lock_mode mode)
{
	bool counts = mode == LOCK_EXCLUSIVE;

	task->state = TASK_BLOCKED;
	task->waiting_for = lock;
	task->waiting_mode = mode;
	task->ticket = ++env->sched.ticket;
	lock->waiting_writers += counts;
	if (trace_on(env, TRACE_LOCK))
		trace_lock(env, lock, "block");
	if (task->id)
		task_reschedule(env);
	else
		lock_report_deadlock(env);
	lock->waiting_writers -= counts;
	task->state = TASK_RUNNABLE;
	task->waiting_for = NULL;
}

/* Where there is no room for one more, the model is wrong about how many there can be. */
static void grab(struct task *task, struct lock *lock, enum lock_mode mode)
{
	if (unlikely(task->held_count == TASK_HELD_MAX))
		internal_error("task %s holds %u locks", task->name, task->held_count);
	lock_grab(task, lock, mode);
}

void lock_acquire_slow(struct lock *lock, enum lock_mode mode)
{
	struct env *env = env_of(lock);
	struct task *task;

	task_yield(env, YIELD_LOCK);
	task = current_task(env);
	if (lock->class != LOCK_SRCU) {
		check_order(env, task, lock);
		if (unlikely(!lock_is_free_for(lock, mode) || lock_must_queue(lock, mode)))
			wait_for(env, task, lock, mode);
	}
	grab(task, lock, mode);
	if (trace_on(env, TRACE_LOCK))
		trace_lock(env, lock, "acquire");
}

void mutex_lock_nested(struct lock *lock)
{
	u32 *before = &env_of(lock)->sched.before[lock->class];
	bool known = *before & 1u << lock->class;

	*before |= 1u << lock->class;
	lock_acquire(lock, LOCK_EXCLUSIVE);
	if (!known)
		*before &= ~(1u << lock->class);
}

bool lock_try(struct lock *lock, enum lock_mode mode)
{
	struct env *env = env_of(lock);

	task_yield(env, YIELD_LOCK);
	if (!lock_is_free_for(lock, mode) || lock_must_queue(lock, mode)) {
		lock->tried = true;
		return false;
	}
	grab(current_task(env), lock, mode);
	if (trace_on(env, TRACE_LOCK))
		trace_lock(env, lock, "acquire");
	return true;
}

/* -- Release -- */

static int find_held(const struct task *task, const struct lock *lock, enum lock_mode mode)
{
	int i = task->held_count;

	/* Held once. Who does not let go of the last goes through a batch, oldest first. */
	if (mode == LOCK_EXCLUSIVE) {
		for (i = 0; i < task->held_count; i++)
			if (task->held[i].lock == lock && task->held[i].mode == mode)
				return i;
		return -1;
	}
	while (i--)
		if (task->held[i].lock == lock && task->held[i].mode == mode)
			return i;
	return -1;
}

/*
 * Out of the middle. What was held before those above changes only up to where
 * another lock of the class takes its place: truncation unlocks 31 folios oldest
 * first.
 */
static void forget_held(struct task *task, int i)
{
	struct task_held *held = &task->held[i];
	u32 classes = held->classes_before, above = --task->held_count - i;

	memmove(held, held + 1, above * sizeof(*held));
	for (; above; above--, held++) {
		if (held->classes_before == classes)
			return;
		held->classes_before = classes;
		classes |= 1u << held->lock->class;
	}
	task->held_classes = classes;
}

/* @task has left the SRCU read side: whoever waits for it waits no longer. */
static void srcu_reader_left(struct sched *sched, const struct task *task, const struct lock *lock)
{
	u32 i;

	if (task_holds(task, lock))
		return;
	for (i = 0; i < TASK_MAX; i++)
		if (sched->task[i].waiting_for == lock)
			sched->task[i].waiting_readers &= ~(1u << task->id);
}

/* False: it is not @task's to release, which was reported. */
static bool forget_inner(struct env *env, struct task *task, const struct lock *lock,
			 enum lock_mode mode)
{
	int i = find_held(task, lock, mode);

	if (likely(i >= 0)) {
		forget_held(task, i);
		return true;
	}
	if (!env->sched.deadlock)
		check_fail(env, INV_LOCK_RULES, "task %s releases %s#%llu, which it does not hold",
			   task->name, lock_class_name[lock->class], (unsigned long long)lock->id);
	return false;
}

void lock_release_slow(struct lock *lock, enum lock_mode mode)
{
	struct env *env = env_of(lock);
	struct sched *sched = &env->sched;
	struct task *task = current_task(env);

	if (!lock_forget_last(task, lock, mode) && !forget_inner(env, task, lock, mode))
		return;
	lock_let_go(lock, mode);
	if (unlikely(lock->tried)) {
		lock->tried = false;
		sched->progress++;
	}
	if (trace_on(env, TRACE_LOCK))
		trace_lock(env, lock, "release");
	if (unlikely(sched->live > 1)) {
		if (lock->class == LOCK_SRCU)
			srcu_reader_left(sched, task, lock);
		task_yield_slow(env, YIELD_LOCK);
	}
}

void synchronize_srcu(struct lock *lock)
{
	struct env *env = env_of(lock);
	struct task *task;
	u32 readers = 0, i;

	task_yield(env, YIELD_LOCK);
	task = current_task(env);
	check_order(env, task, lock);
	for (i = 0; lock->readers && i < TASK_MAX; i++)
		if (task_holds(&env->sched.task[i], lock))
			readers |= 1u << i;
	if (!readers)
		return;
	task->waiting_readers = readers;
	wait_for(env, task, lock, LOCK_SYNCHRONIZE);
}

static __cold void report_not_held(const struct lock *lock, enum lock_mode mode,
				   const char *where)
{
	struct env *env = env_of(lock);

	check_fail(env, INV_LOCK_RULES, "%s() needs %s%s held by task %s", where,
		   lock_class_name[lock->class], mode == LOCK_EXCLUSIVE ? " exclusively" : "",
		   current_task(env)->name);
}

void lock_assert_held_slow(const struct lock *lock, enum lock_mode mode, const char *where)
{
	const struct task *task = current_task(env_of(lock));

	if (lock->owner == task->id + 1)
		return;
	if (mode == LOCK_SHARED && lock->readers && find_held(task, lock, LOCK_SHARED) >= 0)
		return;
	report_not_held(lock, mode, where);
}

bool lock_is_held(const struct lock *lock)
{
	return lock->owner || lock->readers;
}
