// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tasks of tests/spin/locks.pml on the explorer: faults against holes as locks,
 * a sequence counter and two flags. A task's step from one switch point to the next
 * is a statement there, so a complete search has to store as many states as SPIN
 * does without reduction: one fewer, and two states with different futures were
 * taken for one.
 *
 * `sim_twin FAULTS HOLES ROUNDS` runs one size and prints its figures for
 * tests/spin/run; without arguments it is a test like the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "sim/base/asan.h"
#include "sim/explore.h"

struct twin_task {
	struct twin *twin;
	/* Not locals: a register saved at one switch point is state at the next. */
	u8 round, seen;
	bool stale;
};

struct twin {
	struct env *env;
	struct lock invalidate_lock, mmu_lock;
	u8 faults, holes, rounds;
	u8 in_progress, seq, ended;
	bool present, mapped, unlooked;
	struct twin_task task[TASK_MAX];
};

/* The page has left the file, so no page table may have it. */
static bool wrong(const struct twin *twin)
{
	return twin->mapped && !twin->present;
}

static void fault(void *arg)
{
	struct twin_task *task = arg;
	struct twin *twin = task->twin;

	for (task->round = 0; task->round < twin->rounds; task->round++) {
		do {
			task->seen = twin->seq;
			down_read(&twin->invalidate_lock);
			task_yield(twin->env, YIELD_ALLOC);
			twin->present = true;
			up_read(&twin->invalidate_lock);
			read_lock(&twin->mmu_lock);
			task->stale = !twin->unlooked &&
				      (twin->in_progress || twin->seq != task->seen);
			if (!task->stale) {
				task_yield(twin->env, YIELD_SPTE);
				twin->mapped = true;
			}
			read_unlock(&twin->mmu_lock);
		} while (task->stale);
	}
	twin->ended++;
}

static void punch_hole(void *arg)
{
	struct twin_task *task = arg;
	struct twin *twin = task->twin;

	for (task->round = 0; task->round < twin->rounds; task->round++) {
		down_write(&twin->invalidate_lock);
		write_lock(&twin->mmu_lock);
		twin->in_progress++;
		task_yield(twin->env, YIELD_SPTE);
		twin->mapped = false;
		write_unlock(&twin->mmu_lock);
		twin->present = false;
		write_lock(&twin->mmu_lock);
		twin->seq++;
		twin->in_progress--;
		write_unlock(&twin->mmu_lock);
		up_write(&twin->invalidate_lock);
	}
	twin->ended++;
}

/* Else who takes the two in this order first would be state. */
static void teach_lock_order(struct twin *twin)
{
	down_write(&twin->invalidate_lock);
	write_lock(&twin->mmu_lock);
	write_unlock(&twin->mmu_lock);
	up_write(&twin->invalidate_lock);
}

static struct twin *twin_create(u32 faults, u32 holes, u32 rounds)
{
	struct env *env = env_create();
	struct twin *twin;
	u32 i;

	if (!env)
		return NULL;
	twin = arena_alloc(env->arena, sizeof(*twin));
	*twin = (struct twin){ .env = env, .faults = faults, .holes = holes, .rounds = rounds };
	lock_init(&twin->invalidate_lock, LOCK_INVALIDATE_LOCK, 1);
	lock_init(&twin->mmu_lock, LOCK_MMU_LOCK, 2);
	teach_lock_order(twin);
	choose_enable(&env->chooser, CHOICE_TASK, true);
	for (i = 0; i < faults + holes; i++) {
		twin->task[i].twin = twin;
		if (task_create(env, i < faults ? "fault" : "hole", i < faults ? fault : punch_hole,
				&twin->task[i]) < 0)
			return NULL;
	}
	return twin;
}

struct found {
	struct twin *twin;
	u64 wrong, not_done;
};

static bool at_end(void *ctx, struct explorer *explorer, enum explore_end end)
{
	struct found *found = ctx;

	found->not_done += end != EXPLORE_DONE;
	found->wrong += wrong(found->twin);
	return false;
}

static struct explore_stats search(struct twin *twin, struct found *found)
{
	const struct explore_options options = { .forced = true };
	struct explore_stats stats;
	struct explorer explorer;

	*found = (struct found){ .twin = twin };
	explore_init(&explorer, twin->env, &options);
	explore_run(&explorer, at_end, found);
	stats = explorer.stats;
	explore_free(&explorer);
	return stats;
}

/*
 * What SPIN stores, see above. Where a compiler keeps dead values on a stack there
 * are more: at -O0, and with a sanitizer's red zones.
 */
#if defined(__OPTIMIZE__) && !defined(SEPTUM_ASAN)
#define EXACT true
#else
#define EXACT false
#endif
static const struct { u8 faults, holes, rounds; u32 states; } known[] = {
	{ 2, 1, 1, 2738 }, { 2, 1, 2, 52258 }, { 3, 1, 1, 61434 },
};

static void the_explorer_stores_as_many_states_as_spin(void **state)
{
	struct found found;
	u32 i;

	for (i = 0; i < (EXACT ? ARRAY_SIZE(known) : 1); i++) {
		struct twin *twin = twin_create(known[i].faults, known[i].holes, known[i].rounds);
		struct explore_stats stats = search(twin, &found);

		assert_true(stats.states >= known[i].states);
		if (EXACT)
			assert_int_equal(stats.states, known[i].states);
		assert_int_equal(found.wrong, 0);
		assert_int_equal(found.not_done, 0);
		env_destroy(twin->env);
	}
}

static void a_fault_that_does_not_look_again_is_found(void **state)
{
	struct twin *twin = twin_create(2, 1, 1);
	struct found found;

	twin->unlooked = true;
	search(twin, &found);
	assert_true(found.wrong > 0);
	env_destroy(twin->env);
}

static int print_figures(char **argv)
{
	struct twin *twin = twin_create(atoi(argv[1]), atoi(argv[2]), atoi(argv[3]));
	struct explore_stats stats;
	struct timespec from, to;
	struct found found;

	if (!twin)
		return 1;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	stats = search(twin, &found);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	printf("%llu %.3f %llu %s\n", (unsigned long long)stats.states,
	       (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9,
	       (unsigned long long)stats.bytes,
	       found.wrong ? "violated" : found.not_done ? "deadlock" : "fine");
	env_destroy(twin->env);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_explorer_stores_as_many_states_as_spin),
		cmocka_unit_test(a_fault_that_does_not_look_again_is_found),
	};

	if (argc == 4)
		return print_figures(argv);
	return cmocka_run_group_tests_name("sim_twin", tests, NULL, NULL);
}
