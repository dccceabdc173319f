// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of struct env decides about the future, as a hash: who waits for what and
 * holds what, what was broken, rules still armed. Left out is what only counts (see
 * image.h); all of struct env is put back all the same. The lock orders seen stand
 * at its end and are hashed with the rest of the arena.
 */
#include "sim/image_impl.h"

struct digest {
	u64 a, b;
};

static inline void take(struct digest *digest, u64 value)
{
	digest->a = fold(value ^ digest->a, K1);
	digest->b = fold(value ^ K3, digest->b ^ K2);
}

/*
 * What the next round will see. Rounds begin anew in a later step, and once others
 * got on: then what was counted before decides nothing any more.
 */
static void take_spin(struct digest *digest, const struct sched *sched, const struct task *task,
		      u32 others, u32 step)
{
	const struct task_spin *spin = &task->spin;
	bool waits = task->state == TASK_SPINNING, later = spin->step != step;

	if (later && !waits)
		return;
	take(digest, (uintptr_t)task->waiting_loop);
	if (others != spin->others) {
		take(digest, 1 | spin->told << 1 | later << 2);
		return;
	}
	take(digest, spin->told << 1 | later << 2 | spin->stuck << 3 |
		     (sched->progress != spin->all) << 4 | (u64)spin->rounds << 8);
}

/*
 * Whom a blocked task lets pass: a reader the writers that have waited longer for the
 * same lock. Who else came first decides nothing.
 */
static u32 writers_before(const struct sched *sched, const struct task *task)
{
	u32 before = 0, i;

	if (task->waiting_mode != LOCK_SHARED)
		return 0;
	for (i = 0; i < TASK_MAX; i++) {
		const struct task *other = &sched->task[i];

		if (other->state == TASK_BLOCKED && other->waiting_for == task->waiting_for &&
		    other->waiting_mode == LOCK_EXCLUSIVE &&
		    (s32)(other->ticket - task->ticket) < 0)
			before |= 1u << i;
	}
	return before;
}

/* All tasks are suspended: ->own is up to date. */
static void take_task(struct digest *digest, const struct sched *sched, const struct task *task,
		      u32 step)
{
	u32 i;

	take(digest, task->id | task->state << 8 | task->signal_pending << 16 |
		     (u64)task->cpu << 24 | (u64)task->held_count << 56);
	if (task->state == TASK_BLOCKED) {
		take(digest, (uintptr_t)task->waiting_for);
		take(digest, task->waiting_mode | task->waiting_readers << 8 |
			     writers_before(sched, task) << 16);
	}
	for (i = 0; i < task->held_count; i++)
		take(digest, (uintptr_t)task->held[i].lock | task->held[i].mode);
	if (task->waiting_loop && task->state != TASK_DONE)
		take_spin(digest, sched, task, sched->progress - task->spin.own, step);
}

static void take_sched(struct digest *digest, const struct sched *sched, u32 step)
{
	u32 i;

	take(digest, sched->live | sched->deadlock << 8 | sched->hang << 9 |
		     (u64)sched->asked << 16 | (u64)sched->asked_kind << 32);
	if (sched->asked)
		take(digest, sched->last);
	if (sched->preemption_bound)
		take(digest, sched->preemptions | (u64)sched->last << 32);
	for (i = 1; i <= sched->top; i++)
		if (sched->task[i].state != TASK_FREE)
			take_task(digest, sched, &sched->task[i], step);
}

image_hash image_digest(const struct image *image)
{
	const struct env *env = image->env;
	struct digest digest = { K0, K3 };
	const struct checker *checker = &env->checker;
	const struct injector *injector = &env->injector;
	u32 i;

	take_sched(&digest, &env->sched, checker->step);
	take(&digest, checker->broken_total | (u64)checker->warn_count << 32);
	take(&digest, checker->bug_count | (u64)checker->warned_count << 32);
	for (i = 0; i < checker->warned_count; i++)
		take(&digest, (uintptr_t)checker->warned[i]);
	for (i = 0; i < checker->broken_count; i++)
		take(&digest, checker->broken[i].inv);
	for (i = 0; i < injector->rule_count; i++)
		take(&digest, injector->rule[i].seen | (u64)injector->rule[i].fired << 32);
	/* An allocation that is still to fail makes their number matter. */
	take(&digest, injector->oom_after_fault | injector->oom << 1);
	if (injector->alloc_fail_nth)
		take(&digest, injector->alloc_count);
	if (image->digest)
		take(&digest, image->digest(image->digest_ctx));
	return ((image_hash)fold(digest.a, K0) << 64 | fold(digest.b, K1)) << IMAGE_KEY_BITS;
}
