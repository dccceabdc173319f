// SPDX-License-Identifier: GPL-2.0-only
/*
 * Depth-first search over choices. Tasks are stepped from task 0: at each
 * choice the state is looked at; a state seen before ends the way, a new one
 * becomes a frame whose alternatives are tried in turn, going back by undoing
 * what changed instead of running the prefix again.
 *
 * Sound with states seen before, because the verdicts asked for are about ends
 * that can be reached, and whatever can be reached from a state was or will be
 * reached from its first visit. A cycle of states is no end; one that nobody can
 * leave, whoever runs, is a livelock and told as a hang (explore_live.h).
 *
 * Left out: partial-order reduction and symmetry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/explore.h"

#define TABLE_FIRST	(1u << 12)
#define TABLE_PAGE	(2u << 20)

/* Runs of tasks without any choice, after which the state is stored: it may come back. */
#define FORCED_MAX	1000u

/* -- States seen -- */

static image_hash *table_slot(image_hash *table, u64 room, image_hash hash)
{
	u64 i = (u64)hash & IMAGE_KEY_MASK & (room - 1);

	while (table[i] && table[i] != hash)
		i = (i + 1) & (room - 1);
	return &table[i];
}

/* Looked up all over the place: with pages of 2M, where the host has some to spare. */
static image_hash *table_create(u64 room)
{
	u64 size = room * sizeof(image_hash);
	image_hash *table = aligned_alloc(size < TABLE_PAGE ? sizeof(*table) : TABLE_PAGE, size);

	if (!table)
		internal_error("no memory for a table of %llu states", (unsigned long long)room);
	if (size >= TABLE_PAGE)
		madvise(table, size, MADV_HUGEPAGE);
	memset(table, 0, size);
	return table;
}

static void table_grow(struct explorer *explorer)
{
	u64 room = explorer->table_room ? 2 * explorer->table_room : TABLE_FIRST, i;
	image_hash *table = table_create(room);

	for (i = 0; i < explorer->table_room; i++)
		if (explorer->table[i])
			*table_slot(table, room, explorer->table[i]) = explorer->table[i];
	free(explorer->table);
	explorer->table = table;
	explorer->table_room = room;
}

/* The state's place will be wanted soon, and is in no cache. */
static void table_prepare(struct explorer *explorer, u64 key)
{
	/* Up to 4/5 full: at most 40 bytes a state, right after doubling. */
	if (unlikely(5 * explorer->stats.states >= 4 * explorer->table_room))
		table_grow(explorer);
	__builtin_prefetch(&explorer->table[key & (explorer->table_room - 1)]);
}

/* False when the state was there already. */
static bool table_add(struct explorer *explorer, image_hash hash)
{
	image_hash *slot;

	if (!hash)
		hash = 1;
	slot = table_slot(explorer->table, explorer->table_room, hash);
	if (*slot)
		return false;
	*slot = hash;
	explorer->stats.states++;
	return true;
}

/* -- Running -- */

/* The alternative of @frame that is picked: who runs next. */
static u8 take_pick(struct explorer *explorer, const struct explore_frame *frame)
{
	explorer->stats.transitions++;
	explorer->env->sched.answer = frame->picked;
	if (!frame->n_tasks)
		return frame->from;
	task_note_pick(explorer->env, frame->from, frame->picked);
	return frame->candidate[frame->picked];
}

/* What a task may allocate before it matters again who else allocates. */
#define LANE_SIZE	(64u << 10)

enum where { AT_CHOICE, AT_END, FORCED };

/*
 * What there is to choose now. FORCED: nothing, candidate[0] must run, the one there
 * is. AT_END: *end says how.
 */
static enum where look(struct explorer *explorer, struct explore_frame *choice,
		       enum explore_end *end)
{
	struct env *env = explorer->env;
	struct sched *sched = &env->sched;

	*choice = (struct explore_frame){ .from = sched->last, .n = sched->asked };
	if (choice->n)
		return AT_CHOICE;
	choice->n_tasks = task_candidates(env, sched->last, choice->candidate);
	choice->n = choice->n_tasks;
	if (choice->n)
		return choice->n > 1 || explorer->options.forced ? AT_CHOICE : FORCED;
	if (sched->live > 1) {
		choice->candidate[0] = task_stuck(env);
		choice->n = choice->n_tasks = choice->candidate[0] != 0;
		if (choice->n)
			return FORCED;
	}
	*end = sched->deadlock ? EXPLORE_DEADLOCK : sched->hang ? EXPLORE_HANG : EXPLORE_DONE;
	return AT_END;
}

/* With a preemption bound: others could have run, but may not. */
static bool is_cut(const struct explorer *explorer)
{
	const struct sched *sched = &explorer->env->sched;

	return sched->preemption_bound && sched->preemptions >= sched->preemption_bound &&
	       sched->task[sched->last].state == TASK_RUNNABLE;
}

static void push(struct explorer *explorer, struct explore_frame *choice)
{
	if (explorer->depth == explorer->depth_room) {
		u32 room = explorer->depth_room ? 2 * explorer->depth_room : 1024;
		void *frame = realloc(explorer->frame, room * sizeof(*explorer->frame));

		if (!frame)
			internal_error("no memory for %u choices on one way", room);
		explorer->frame = frame;
		explorer->depth_room = room;
	}
	choice->mark = image_mark(&explorer->image);
	explorer->frame[explorer->depth++] = *choice;
	if (explorer->depth > explorer->stats.deepest)
		explorer->stats.deepest = explorer->depth;
}

static void describe_live(const struct sched *sched, char *text, size_t size)
{
	u32 i;

	for (i = 1; i < TASK_MAX; i++) {
		const struct task *task = &sched->task[i];
		size_t length = strlen(text);

		if (task->state == TASK_FREE || task->state == TASK_DONE)
			continue;
		snprintf(text + length, size - length, "%s%s", length ? ", " : "", task->name);
		length = strlen(text);
		if (task->waiting_loop && task->state == TASK_SPINNING)
			snprintf(text + length, size - length, " in %s, waiting for %s",
				 task->waiting_loop,
				 task->waiting_event ? task->waiting_event : "anything");
		else if (task->state == TASK_BLOCKED)
			snprintf(text + length, size - length, " waiting for %s",
				 lock_class_name[task->waiting_for->class]);
	}
}

/* The state of @frame and all it leads to. True: the search is to end. */
static bool report_livelock(struct explorer *explorer, const struct explore_frame *frame)
{
	struct env *env = explorer->env;
	char text[CHECK_TEXT_MAX] = "";
	bool stop;

	image_rollback(&explorer->image, &frame->mark);
	explorer->stats.ends++;
	explorer->stats.livelocks++;
	env->sched.hang = true;
	describe_live(&env->sched, text, sizeof(text));
	check_hit(env, INV_OPERATION_ENDS);
	check_fail(env, INV_OPERATION_ENDS, "whoever runs, nobody gets to an end: %s", text);
	stop = explorer->end(explorer->ctx, explorer, EXPLORE_HANG);
	image_revert(&explorer->image);
	return stop;
}

/* Back to the last choice with an alternative left: who runs, 0 when none is. */
static u8 backtrack(struct explorer *explorer)
{
	explorer->stats.schedules++;
	explorer->forced = 0;
	while (explorer->depth) {
		struct explore_frame *frame = &explorer->frame[explorer->depth - 1];

		if (frame->picked + 1 < frame->n) {
			image_rollback(&explorer->image, &frame->mark);
			frame->picked++;
			return take_pick(explorer, frame);
		}
		/* How it is reached, not where it goes: without its own pick. */
		explorer->depth--;
		if (live_leave(&explorer->live) && report_livelock(explorer, frame))
			return 0;
	}
	return 0;
}

/* Who runs next, 0 when the search is over. */
static u8 advance(struct explorer *explorer)
{
	struct explore_frame choice;
	enum explore_end end = EXPLORE_HANG;
	enum where where = look(explorer, &choice, &end);
	image_hash hash;

	if (where == FORCED && explorer->forced++ < FORCED_MAX)
		return choice.candidate[0];
	explorer->forced = 0;
	table_prepare(explorer, image_look(&explorer->image));
	hash = image_state(&explorer->image);
	if (!table_add(explorer, hash)) {
		image_drop(&explorer->image);
		live_seen(&explorer->live, hash);
		return backtrack(explorer);
	}
	image_commit(&explorer->image);
	if (where == AT_END) {
		explorer->stats.ends++;
		live_end(&explorer->live);
		if (explorer->end(explorer->ctx, explorer, end))
			return 0;
		image_revert(&explorer->image);
		return backtrack(explorer);
	}
	if (explorer->options.bound && explorer->stats.states >= explorer->options.bound) {
		explorer->stats.bound_hit = true;
		return 0;
	}
	live_enter(&explorer->live, hash, is_cut(explorer));
	push(explorer, &choice);
	return take_pick(explorer, &choice);
}

void explore_init(struct explorer *explorer, struct env *env,
		  const struct explore_options *options)
{
	u32 tasks = 0, i;

	*explorer = (struct explorer){ .env = env, .options = *options };
	env->sched.preemption_bound = options->preemptions;
	env->sched.stepped = true;
	env->sched.last = 0;
	for (i = 1; i < TASK_MAX; i++)
		if (env->sched.task[i].state != TASK_FREE)
			tasks |= 1u << i;
	arena_begin_lanes(env->arena, tasks, LANE_SIZE);
	image_init(&explorer->image, env);
	explorer->image.check = options->check_stores;
	explorer->image.ran = tasks;
	table_grow(explorer);
}

void explore_run(struct explorer *explorer, explore_end_fn *end, void *ctx)
{
	u8 next;

	explorer->end = end;
	explorer->ctx = ctx;
	choose_stepped(&explorer->env->chooser);
	/*
	 * The one place tasks are resumed from: task 0's stack pointer is then the
	 * same each time, and no stale copy of it in a task's frame makes two
	 * states of one.
	 */
	while ((next = advance(explorer))) {
		image_resume(&explorer->image, next);
		task_resume(explorer->env, next);
	}
	explorer->stats.bytes = explorer->table_room * sizeof(*explorer->table) +
				live_bytes(&explorer->live);
	choose_script(&explorer->env->chooser);
	task_forget_all(explorer->env);
	explorer->env->sched.stepped = false;
}

void explore_free(struct explorer *explorer)
{
	arena_end_lanes(explorer->env->arena);
	image_free(&explorer->image);
	live_free(&explorer->live);
	free(explorer->table);
	free(explorer->frame);
	*explorer = (struct explorer){ 0 };
}

u32 explore_picks(const struct explorer *explorer, u16 *list, u32 max)
{
	u32 count = 0, i;

	for (i = 0; i < explorer->depth; i++) {
		/* What is stored with one way out is no choice to anybody else. */
		if (explorer->frame[i].n < 2)
			continue;
		if (count < max)
			list[count] = explorer->frame[i].picked;
		count++;
	}
	return count;
}
