// SPDX-License-Identifier: GPL-2.0-only
/* The explorer's search over tasks, against running every choice list. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/asan.h"
#include "sim/explore.h"
#include "sim/image_impl.h"
#include "tests/task_world.h"

#define ENDS_MAX 256

struct ends {
	char log[ENDS_MAX][64];
	u32 count;
	u32 deadlocks, hangs, replayed_wrong;
	struct world *w;
};

static bool add_end(struct ends *ends, const char *log)
{
	u32 i;

	for (i = 0; i < ends->count; i++)
		if (!strcmp(ends->log[i], log))
			return false;
	assert_true(ends->count < ENDS_MAX);
	strcpy(ends->log[ends->count++], log);
	return true;
}

static bool note_end(void *ctx, struct explorer *explorer, enum explore_end end)
{
	struct ends *ends = ctx;

	add_end(ends, ends->w->log);
	ends->deadlocks += end == EXPLORE_DEADLOCK;
	ends->hangs += end == EXPLORE_HANG;
	/* Whatever is done to the world here is undone. */
	memset(ends->w->log, '!', 8);
	arena_alloc(explorer->env->arena, 5000);
	return false;
}

typedef void spawn_fn(struct world *w);

static struct explore_stats explore(struct world *w, spawn_fn *spawn_tasks, struct ends *ends,
				    const struct explore_options *options)
{
	struct explorer explorer;
	struct explore_stats stats;

	*ends = (struct ends){ .w = w };
	arena_snapshot(w->env->arena);
	spawn_tasks(w);
	explore_init(&explorer, w->env, options);
	explore_run(&explorer, note_end, ends);
	stats = explorer.stats;
	explore_free(&explorer);
	arena_restore(w->env->arena);
	return stats;
}

/* The same by running every choice list from the start. */
static void enumerate(struct world *w, spawn_fn *spawn_tasks, struct ends *ends)
{
	struct env *env = w->env;

	*ends = (struct ends){ .w = w };
	arena_snapshot(env->arena);
	choose_enumerate(&env->chooser);
	do {
		arena_restore(env->arena);
		spawn_tasks(w);
		task_run_all(env);
		add_end(ends, w->log);
		ends->deadlocks += env->sched.deadlock;
		ends->hangs += env->sched.hang;
	} while (choose_next(&env->chooser));
	arena_restore(env->arena);
}

static const struct explore_options no_bound;

static void assert_same_ends(struct world *w, spawn_fn *spawn_tasks)
{
	static struct ends stepped, listed;
	u32 i;

	enumerate(w, spawn_tasks, &listed);
	explore(w, spawn_tasks, &stepped, &no_bound);
	for (i = 0; i < listed.count; i++)
		assert_false(add_end(&stepped, listed.log[i]));
	assert_int_equal(stepped.count, listed.count);
	assert_int_equal(!stepped.deadlocks, !listed.deadlocks);
	assert_int_equal(!stepped.hangs, !listed.hangs);
}

static void spawn_turns(struct world *w)
{
	w->turns = 3;
	spawn(w, "x", take_turns);
	spawn(w, "y", take_turns);
}

static void every_end_of_two_tasks_is_found(void **state)
{
	assert_same_ends(world_of(state), spawn_turns);
}

static void lock_both(struct world *w, struct lock *first, struct lock *second)
{
	char name = current_task(w->env)->name[0];

	lock_acquire(first, LOCK_EXCLUSIVE);
	note(w, name);
	lock_acquire(second, LOCK_EXCLUSIVE);
	note(w, name);
	lock_release(second, LOCK_EXCLUSIVE);
	lock_release(first, LOCK_EXCLUSIVE);
}

static void a_then_b(void *arg)
{
	struct world *w = arg;

	lock_both(w, &w->a, &w->b);
}

static void b_then_a(void *arg)
{
	struct world *w = arg;

	lock_both(w, &w->b, &w->a);
}

static void spawn_deadlock(struct world *w)
{
	spawn(w, "x", a_then_b);
	spawn(w, "y", b_then_a);
}

static void the_deadlock_of_two_tasks_is_found(void **state)
{
	static struct ends ends;

	assert_same_ends(world_of(state), spawn_deadlock);
	explore(world_of(state), spawn_deadlock, &ends, &no_bound);
	assert_true(ends.deadlocks > 0);
}

static void chooses_and_allocates(void *arg)
{
	struct world *w = arg;
	u32 i;

	for (i = 0; i < 2; i++) {
		u8 *bytes = arena_alloc(w->env->arena, 100);

		note(w, '0' + choose(w->env, 3, CHOICE_REF));
		bytes[7] = 1;
		task_yield(w->env, YIELD_ALLOC);
	}
}

static void spawn_choices(struct world *w)
{
	choose_enable(&w->env->chooser, CHOICE_REF, true);
	spawn(w, "x", chooses_and_allocates);
	spawn(w, "y", take_turns);
	w->turns = 1;
}

static void choices_inside_a_task_are_all_taken(void **state)
{
	assert_same_ends(world_of(state), spawn_choices);
}

static void wait_flag(void *arg)
{
	struct world *w = arg;

	while (!w->flag)
		if (task_spin(w->env, __func__, "the flag"))
			break;
	note(w, w->flag ? 'f' : 'h');
}

static void maybe_set_flag(void *arg)
{
	struct world *w = arg;

	if (choose(w->env, 2, CHOICE_REF)) {
		w->flag = true;
		w->env->sched.progress++;
	}
	task_yield(w->env, YIELD_SPTE);
	note(w, 's');
}

static void spawn_waiter(struct world *w)
{
	choose_enable(&w->env->chooser, CHOICE_REF, true);
	spawn(w, "w", wait_flag);
	spawn(w, "s", maybe_set_flag);
}

static void a_hang_is_found(void **state)
{
	static struct ends ends;

	assert_same_ends(world_of(state), spawn_waiter);
	explore(world_of(state), spawn_waiter, &ends, &no_bound);
	assert_int_equal(ends.hangs, 1);
	assert_true(ends.count > 1);
}

/* Each waits for the other to end, and neither through task_spin(). */
static void after_the_other(void *arg)
{
	struct world *w = arg;
	char other = current_task(w->env)->name[0] == 'x' ? 'y' : 'x';

	while (!strchr(w->log, other)) {
		w->turns ^= 1;
		task_yield(w->env, YIELD_RETRY);
	}
	note(w, other == 'x' ? 'y' : 'x');
}

static void spawn_polite(struct world *w)
{
	spawn(w, "x", after_the_other);
	spawn(w, "y", after_the_other);
}

static void a_livelock_that_nobody_leaves_is_found(void **state)
{
	static struct ends ends;
	struct world *w = world_of(state);
	struct explore_stats stats = explore(w, spawn_polite, &ends, &no_bound);

	/* One; where red zones keep what was there before, one with each. */
	assert_true(stats.livelocks > 0);
	assert_int_equal(ends.hangs, stats.livelocks);
	assert_int_equal(stats.ends, stats.livelocks);
#ifndef SEPTUM_ASAN
	assert_int_equal(stats.livelocks, 1);
#endif
}

/* Forgets what it was told before it waits. */
static void clears_and_waits(void *arg)
{
	struct world *w = arg;

	w->flag = false;
	do {
		w->turns ^= 1;
		task_yield(w->env, YIELD_RETRY);
	} while (!w->flag);
	note(w, 'x');
}

static void tells(void *arg)
{
	struct world *w = arg;

	task_yield(w->env, YIELD_RETRY);
	w->flag = true;
	note(w, 'y');
}

static void spawn_lost_wakeup(struct world *w)
{
	spawn(w, "x", clears_and_waits);
	spawn(w, "y", tells);
}

static void a_lost_wakeup_is_a_livelock_of_one(void **state)
{
	static struct ends ends;
	struct world *w = world_of(state);
	struct explore_stats stats = explore(w, spawn_lost_wakeup, &ends, &no_bound);

	assert_true(stats.livelocks > 0);
	assert_int_equal(ends.hangs, stats.livelocks);
	/* Told in time it ends. */
	assert_true(stats.ends > stats.livelocks);
}

static void waits_for_the_flag(void *arg)
{
	struct world *w = arg;

	while (!w->flag) {
		w->turns ^= 1;
		task_yield(w->env, YIELD_RETRY);
	}
	note(w, 'x');
}

static void spawn_told(struct world *w)
{
	spawn(w, "x", waits_for_the_flag);
	spawn(w, "y", tells);
}

static void a_loop_with_a_way_out_is_no_livelock(void **state)
{
	static struct ends ends;
	struct world *w = world_of(state);
	struct explore_stats stats = explore(w, spawn_told, &ends, &no_bound);

	assert_int_equal(stats.livelocks, 0);
	assert_int_equal(ends.hangs, 0);
	assert_true(stats.ends > 0);
}

/* Makes progress each round, none of it what it waits for. */
static void busy_with_the_lock_held(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	while (!w->flag) {
		w->env->sched.progress++;
		if (task_spin(w->env, __func__, "the flag"))
			break;
	}
	lock_release(&w->a, LOCK_EXCLUSIVE);
}

static void tells_with_the_lock(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	w->flag = true;
	lock_release(&w->a, LOCK_EXCLUSIVE);
}

static void spawn_busy(struct world *w)
{
	spawn(w, "x", busy_with_the_lock_held);
	spawn(w, "y", tells_with_the_lock);
}

static void rounds_of_a_loop_are_no_states(void **state)
{
	static struct ends ends;
	struct world *w = world_of(state);
	struct explore_stats stats = explore(w, spawn_busy, &ends, &no_bound);

	assert_true(stats.livelocks > 0);
	assert_true(stats.ends > stats.livelocks);
#ifndef SEPTUM_ASAN
	assert_true(stats.states < 100);
#endif
}

static void a_preemption_bound_makes_no_livelock(void **state)
{
	static struct ends ends;
	struct world *w = world_of(state);
	struct explore_stats stats;

	stats = explore(w, spawn_told, &ends, &(struct explore_options){ .preemptions = 1 });
	assert_int_equal(stats.livelocks, 0);
}

static bool stop_at_deadlock(void *ctx, struct explorer *explorer, enum explore_end end)
{
	return end == EXPLORE_DEADLOCK;
}

static void the_picks_of_an_end_repeat_it(void **state)
{
	struct world *w = world_of(state);
	struct env *env = w->env;
	struct explorer explorer;
	u16 list[64];
	u32 count;

	arena_snapshot(env->arena);
	spawn_deadlock(w);
	explore_init(&explorer, env, &no_bound);
	explore_run(&explorer, stop_at_deadlock, NULL);
	count = explore_picks(&explorer, list, 64);
	explore_free(&explorer);
	arena_restore(env->arena);
	choose_replay(&env->chooser, list, count);
	spawn_deadlock(w);
	assert_false(task_run_all(env));
	assert_true(env->sched.deadlock);
	assert_false(env->chooser.out_of_range);
	assert_int_equal(env->chooser.record_count, count);
}

/* n independent counters of k steps each: (k + 1)^n states of the counters. */
static void count_up(void *arg)
{
	u8 *counter = arg;

	while (*counter < 9) {
		++*counter;
		task_yield(env_of(counter), YIELD_SPTE);
	}
}

static void spawn_counters(struct world *w)
{
	u32 i;

	for (i = 0; i < 3; i++)
		assert_true(task_create(w->env, "c", count_up, &w->log[i]) > 0);
}

static void a_state_is_stored_once_however_it_is_reached(void **state)
{
	static struct ends ends;
	struct explore_stats stats;

	stats = explore(world_of(state), spawn_counters, &ends, &no_bound);
	/*
	 * Each task stands at one of 11 places (not begun, 9 yields, ended); at the
	 * last two its counter is 9. With two others ended nothing is chosen, so of
	 * such states only the last one is stored.
	 */
#ifndef SEPTUM_ASAN	/* whose red zones keep what was there before */
	assert_int_equal(stats.states, 11 * 11 * 11 - 3 * 10);
#endif
	assert_int_equal(stats.ends, 1);
	assert_false(stats.bound_hit);
	assert_true(stats.transitions > stats.states);
}

static void the_same_search_gives_the_same_counts(void **state)
{
	static struct ends ends;
	struct explore_stats first, again;

	first = explore(world_of(state), spawn_deadlock, &ends, &no_bound);
	again = explore(world_of(state), spawn_deadlock, &ends, &no_bound);
	assert_int_equal(first.states, again.states);
	assert_int_equal(first.transitions, again.transitions);
	assert_int_equal(first.schedules, again.schedules);
	assert_int_equal(first.deepest, again.deepest);
}

static void a_bound_is_reported(void **state)
{
	static struct ends ends;
	struct explore_stats stats;

	stats = explore(world_of(state), spawn_counters, &ends,
			&(struct explore_options){ .bound = 100 });
	assert_true(stats.bound_hit);
	assert_int_equal(stats.states, 100);
}

static void a_preemption_bound_finds_fewer_ends(void **state)
{
	static struct ends ends;

	explore(world_of(state), spawn_turns, &ends, &(struct explore_options){ .preemptions = 1 });
	assert_true(ends.count > 2);
	assert_true(ends.count < 20);
}

/* Whoever believes marks must notice a store that left none. */
static void a_store_without_a_mark_is_found(void **state)
{
	struct world *w = world_of(state);
	struct image image;
	int status = 0;
	pid_t child;

	image_init(&image, w->env);
	image_verify(&image);
	fflush(NULL);
	child = fork();
	if (!child) {
		w->log[sizeof(w->log) - 1] ^= 1;
		fclose(stderr);
		image_verify(&image);
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 4);
	image_free(&image);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_end_of_two_tasks_is_found),
		TEST(the_deadlock_of_two_tasks_is_found),
		TEST(choices_inside_a_task_are_all_taken),
		TEST(a_hang_is_found),
		TEST(a_livelock_that_nobody_leaves_is_found),
		TEST(a_lost_wakeup_is_a_livelock_of_one),
		TEST(a_loop_with_a_way_out_is_no_livelock),
		TEST(rounds_of_a_loop_are_no_states),
		TEST(a_preemption_bound_makes_no_livelock),
		TEST(the_picks_of_an_end_repeat_it),
		TEST(a_state_is_stored_once_however_it_is_reached),
		TEST(the_same_search_gives_the_same_counts),
		TEST(a_bound_is_reported),
		TEST(a_preemption_bound_finds_fewer_ends),
		TEST(a_store_without_a_mark_is_found),
	};

	return cmocka_run_group_tests_name("sim_explore", tests, NULL, NULL);
}
