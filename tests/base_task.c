// SPDX-License-Identifier: GPL-2.0-only
/* Tasks: schedules, enumeration, stacks, loops that wait. */
#include "tests/task_world.h"

static void with_no_choices_tasks_run_one_after_the_other(void **state)
{
	struct world *w = world_of(state);

	w->turns = 3;
	spawn(w, "x", take_turns);
	spawn(w, "y", take_turns);
	assert_true(task_run_all(w->env));
	assert_string_equal(w->log, "xxxyyy");
	assert_int_equal(w->env->sched.live, 1);
}

static void a_choice_list_decides_the_schedule(void **state)
{
	static const u16 list[] = { 1, 1, 1, 1 };
	struct world *w = world_of(state);

	w->turns = 2;
	spawn(w, "x", take_turns);
	spawn(w, "y", take_turns);
	choose_replay(&w->env->chooser, list, ARRAY_SIZE(list));
	assert_true(task_run_all(w->env));
	assert_string_equal(w->log, "yxyx");
}

/* Two tasks of n visible steps have (2n)! / (n! n!) interleavings. */
static void enumerate_runs_every_interleaving(void **state)
{
	struct world *w = world_of(state);
	struct env *env = w->env;
	char seen[128][8];
	u32 runs = 0, i;

	w->turns = 3;
	arena_snapshot(env->arena);
	choose_enumerate(&env->chooser);
	do {
		arena_restore(env->arena);
		spawn(w, "x", take_turns);
		spawn(w, "y", take_turns);
		assert_true(task_run_all(env));
		assert_int_equal(strlen(w->log), 6);
		for (i = 0; i < runs; i++)
			if (!strcmp(seen[i], w->log))
				break;
		if (i == runs)
			strcpy(seen[runs++], w->log);
	} while (choose_next(&env->chooser));
	assert_int_equal(runs, 20);
}

static void a_preemption_bound_leaves_fewer_interleavings(void **state)
{
	struct world *w = world_of(state);
	struct env *env = w->env;
	u32 switches = 0;

	w->turns = 3;
	env->sched.preemption_bound = 1;
	arena_snapshot(env->arena);
	choose_enumerate(&env->chooser);
	do {
		u32 i, here = 0;

		arena_restore(env->arena);
		spawn(w, "x", take_turns);
		spawn(w, "y", take_turns);
		assert_true(task_run_all(env));
		for (i = 1; w->log[i]; i++)
			here += w->log[i] != w->log[i - 1];
		switches = here > switches ? here : switches;
	} while (choose_next(&env->chooser));
	assert_int_equal(switches, 2);
}

static void the_same_choices_give_the_same_run(void **state)
{
	struct world *w = world_of(state);
	struct env *env = w->env;
	char first[64];
	u64 switches = 0;
	int run;

	w->turns = 8;
	arena_snapshot(env->arena);
	for (run = 0; run < 100; run++) {
		arena_restore(env->arena);
		choose_prng(&env->chooser, 5);
		spawn(w, "x", take_turns);
		spawn(w, "y", take_turns);
		spawn(w, "z", take_turns);
		task_run_all(env);
		if (!run) {
			strcpy(first, w->log);
			switches = env->sched.switches;
		}
		assert_string_equal(w->log, first);
		assert_int_equal(env->sched.switches, switches);
	}
}

static void registers_survive_a_switch(void *arg)
{
	struct world *w = arg;
	volatile u64 seed = current_task(w->env)->id;
	u64 v[6], i, k;

	for (i = 0; i < 6; i++)
		v[i] = seed * 100 + i;
	for (k = 0; k < 50; k++) {
		task_yield(w->env, YIELD_SPTE);
		for (i = 0; i < 6; i++) {
			if (v[i] != seed * 100 + i + k * i)
				w->flag = true;
			v[i] += i;
		}
	}
}

static void a_task_keeps_its_registers_and_stack(void **state)
{
	struct world *w = world_of(state);

	choose_prng(&w->env->chooser, 9);
	spawn(w, "x", registers_survive_a_switch);
	spawn(w, "y", registers_survive_a_switch);
	spawn(w, "z", registers_survive_a_switch);
	assert_true(task_run_all(w->env));
	assert_true(w->env->sched.switches > 20);
	assert_false(w->flag);
}

static void no_more_than_task_max_tasks(void **state)
{
	struct world *w = world_of(state);
	int i;

	for (i = 1; i < TASK_MAX; i++)
		spawn(w, "x", take_turns);
	assert_int_equal(task_create(w->env, "x", take_turns, w), -11);
	assert_true(task_run_all(w->env));
	spawn(w, "again", take_turns);
	assert_true(task_run_all(w->env));
}

static void wait_for_flag(void *arg)
{
	struct world *w = arg;

	while (!w->flag)
		if (task_spin(w->env, "wait_for_flag", "the flag")) {
			note(w, 'h');
			return;
		}
	note(w, 'f');
}

static void set_flag(void *arg)
{
	struct world *w = arg;

	task_yield(w->env, YIELD_SPTE);
	w->flag = true;
	w->env->sched.progress++;
	task_yield(w->env, YIELD_SPTE);
}

static void a_loop_ends_when_another_task_makes_it(void **state)
{
	struct world *w = world_of(state);

	spawn(w, "waiter", wait_for_flag);
	spawn(w, "setter", set_flag);
	assert_true(task_run_all(w->env));
	assert_string_equal(w->log, "f");
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void a_loop_nobody_can_end_is_a_hang(void **state)
{
	struct world *w = world_of(state);

	w->turns = 2;
	spawn(w, "waiter", wait_for_flag);
	spawn(w, "idle", take_turns);
	assert_false(task_run_all(w->env));
	assert_true(w->env->sched.hang);
	assert_string_equal(w->log, "iih");
	assert_string_equal(first_broken(w),
		"task waiter goes round in wait_for_flag for ever, waiting for the flag");
	assert_int_equal(w->env->checker.broken[0].inv, INV_OPERATION_ENDS);
}

static void a_hang_outside_tasks_is_told_to_the_loop(void **state)
{
	struct world *w = world_of(state);

	wait_for_flag(w);
	assert_string_equal(w->log, "h");
	assert_true(w->env->sched.hang);
}

static void a_loop_that_makes_its_own_progress_gets_some_rounds(void **state)
{
	struct world *w = world_of(state);
	u32 rounds = 0;

	while (!task_spin(w->env, "drain", "the last reference") && rounds < 5) {
		w->env->sched.progress++;
		rounds++;
	}
	assert_int_equal(rounds, 5);
	assert_false(w->env->sched.hang);
	while (!task_spin(w->env, "drain for ever", "nothing"))
		w->env->sched.progress++;
	assert_true(w->env->sched.hang);
}

static void wait_busily(void *arg)
{
	struct world *w = arg;

	while (!task_spin(w->env, "wait_busily", "the other to be done")) {
		w->env->sched.progress++;
		task_yield(w->env, YIELD_RETRY);
	}
	note(w, 'h');
}

static void wait_busily_until_done(void *arg)
{
	struct world *w = arg;

	while (!w->flag && !task_spin(w->env, "wait_busily_until_done", "the worker"))
		w->env->sched.progress++;
}

static void work_and_set_flag(void *arg)
{
	struct world *w = arg;
	u32 i;

	for (i = 0; i < w->turns; i++)
		task_yield(w->env, YIELD_SPTE);
	w->flag = true;
}

static void two_loops_that_only_keep_each_other_busy_are_a_hang(void **state)
{
	struct world *w = world_of(state);

	spawn(w, "a", wait_busily);
	spawn(w, "b", wait_busily);
	assert_false(task_run_all(w->env));
	assert_true(w->env->sched.hang);
	assert_string_equal(w->log, "hh");
	assert_non_null(strstr(first_broken(w), "goes round in wait_busily for ever"));
}

static void a_task_that_works_for_long_keeps_loops_from_being_a_hang(void **state)
{
	struct world *w = world_of(state);

	w->turns = 20000;
	spawn(w, "a", wait_busily_until_done);
	spawn(w, "b", wait_busily_until_done);
	spawn(w, "worker", work_and_set_flag);
	choose_prng(&w->env->chooser, 1);
	assert_true(task_run_all(w->env));
	assert_false(w->env->sched.hang);
}

static void spin_with_lock(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	wait_for_flag(w);
	lock_release(&w->a, LOCK_EXCLUSIVE);
}

static void flag_under_lock(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	set_flag(w);
	lock_release(&w->a, LOCK_EXCLUSIVE);
}

static void a_hang_names_who_is_blocked_behind_it(void **state)
{
	struct world *w = world_of(state);

	spawn(w, "spinner", spin_with_lock);
	spawn(w, "setter", flag_under_lock);
	assert_false(task_run_all(w->env));
	assert_string_equal(first_broken(w),
		"task spinner goes round in wait_for_flag for ever, waiting for the flag; "
		"task setter waits for mapping->invalidate_lock#1 held by spinner");
	assert_false(lock_is_held(&w->a));
}

static void stop_here(void *arg)
{
	struct world *w = arg;

	note(w, 's');
	task_stop(w->env);
	note(w, '!');
}

static void a_stopped_run_abandons_all_tasks(void **state)
{
	struct world *w = world_of(state);

	w->turns = 2;
	spawn(w, "x", stop_here);
	spawn(w, "y", take_turns);
	assert_false(task_run_all(w->env));
	assert_string_equal(w->log, "s");
	assert_false(w->env->sched.deadlock);
	spawn(w, "z", take_turns);
	assert_true(task_run_all(w->env));
	assert_string_equal(w->log, "szz");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_no_choices_tasks_run_one_after_the_other),
		TEST(a_choice_list_decides_the_schedule),
		TEST(enumerate_runs_every_interleaving),
		TEST(a_preemption_bound_leaves_fewer_interleavings),
		TEST(the_same_choices_give_the_same_run),
		TEST(a_task_keeps_its_registers_and_stack),
		TEST(no_more_than_task_max_tasks),
		TEST(a_loop_ends_when_another_task_makes_it),
		TEST(a_loop_nobody_can_end_is_a_hang),
		TEST(a_hang_outside_tasks_is_told_to_the_loop),
		TEST(a_loop_that_makes_its_own_progress_gets_some_rounds),
		TEST(two_loops_that_only_keep_each_other_busy_are_a_hang),
		TEST(a_task_that_works_for_long_keeps_loops_from_being_a_hang),
		TEST(a_hang_names_who_is_blocked_behind_it),
		TEST(a_stopped_run_abandons_all_tasks),
	};

	return cmocka_run_group_tests_name("base_task", tests, NULL, NULL);
}
