// SPDX-License-Identifier: GPL-2.0-only
/* Tasks, the kernel's locks, deadlock, lock order, hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sim/base/env.h"

/* Shared by the tasks of one test; lies in the arena. */
struct world {
	struct env *env;
	struct lock a, b, srcu;
	char log[64];
	u32 turns;
	bool flag;
};

static struct world *world_of(void **state)
{
	return *state;
}

static int setup(void **state)
{
	struct env *env = env_create();
	struct world *w;

	if (!env)
		return -1;
	w = arena_alloc(env->arena, sizeof(*w));
	w->env = env;
	lock_init(&w->a, LOCK_INVALIDATE_LOCK, 1);
	lock_init(&w->b, LOCK_MMU_LOCK, 2);
	lock_init(&w->srcu, LOCK_SRCU, 3);
	choose_enable(&env->chooser, CHOICE_TASK, true);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	env_destroy(world_of(state)->env);
	return 0;
}

static void note(struct world *w, char c)
{
	size_t length = strlen(w->log);

	if (length < sizeof(w->log) - 1)
		w->log[length] = c;
}

static void take_turns(void *arg)
{
	struct world *w = arg;
	char name = current_task(w->env)->name[0];
	u32 i;

	for (i = 0; i < w->turns; i++) {
		note(w, name);
		task_yield(w->env, YIELD_SEAMCALL);
	}
}

static void spawn(struct world *w, const char *name, void (*entry)(void *))
{
	assert_true(task_create(w->env, name, entry, w) > 0);
}

static const char *first_broken(struct world *w)
{
	return w->env->checker.broken_count ? w->env->checker.broken[0].text : "";
}

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

static void lock_a_then_b(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	lock_acquire(&w->b, LOCK_EXCLUSIVE);
	lock_release(&w->b, LOCK_EXCLUSIVE);
	lock_release(&w->a, LOCK_EXCLUSIVE);
}

static void lock_b_then_a(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->b, LOCK_EXCLUSIVE);
	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	lock_release(&w->a, LOCK_EXCLUSIVE);
	lock_release(&w->b, LOCK_EXCLUSIVE);
}

static void a_deadlock_is_found_and_explained(void **state)
{
	struct world *w = world_of(state);
	struct env *env = w->env;
	u32 deadlocks = 0, runs = 0;

	arena_snapshot(env->arena);
	choose_enumerate(&env->chooser);
	do {
		bool whole;

		arena_restore(env->arena);
		spawn(w, "punch", lock_a_then_b);
		spawn(w, "mf", lock_b_then_a);
		whole = task_run_all(env);
		assert_int_equal(whole, !env->sched.deadlock);
		runs++;
		if (whole)
			continue;
		deadlocks++;
		assert_string_equal(env->checker.broken[env->checker.broken_count - 1].text,
			"deadlock: task punch holds mapping->invalidate_lock#1 waits for "
			"kvm->mmu_lock#2 held by mf; task mf holds kvm->mmu_lock#2 waits for "
			"mapping->invalidate_lock#1 held by punch");
	} while (choose_next(&env->chooser));
	assert_true(deadlocks > 0);
	assert_true(deadlocks < runs);
}

static void an_inverted_order_is_reported_once_without_a_deadlock(void **state)
{
	struct world *w = world_of(state);

	lock_a_then_b(w);
	assert_int_equal(w->env->checker.broken_total, 0);
	lock_b_then_a(w);
	lock_b_then_a(w);
	lock_a_then_b(w);
	assert_int_equal(w->env->checker.broken_total, 1);
	assert_string_equal(first_broken(w),
		"lock order: task main takes mapping->invalidate_lock with kvm->mmu_lock held, "
		"elsewhere it is the other way");
}

static void a_try_teaches_no_order(void **state)
{
	struct world *w = world_of(state);

	lock_a_then_b(w);
	lock_acquire(&w->b, LOCK_EXCLUSIVE);
	assert_true(lock_try(&w->a, LOCK_EXCLUSIVE));
	assert_false(lock_try(&w->a, LOCK_SHARED));
	lock_release(&w->a, LOCK_EXCLUSIVE);
	lock_release(&w->b, LOCK_EXCLUSIVE);
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void nesting_is_for_folios_not_for_mutexes(void **state)
{
	struct world *w = world_of(state);
	struct lock *two = arena_alloc(w->env->arena, 2 * sizeof(*two));

	lock_init(&two[0], LOCK_FOLIO, 1);
	lock_init(&two[1], LOCK_FOLIO, 2);
	lock_acquire(&two[0], LOCK_EXCLUSIVE);
	lock_acquire(&two[1], LOCK_EXCLUSIVE);
	lock_release(&two[0], LOCK_EXCLUSIVE);
	lock_release(&two[1], LOCK_EXCLUSIVE);
	assert_int_equal(w->env->checker.broken_total, 0);
	lock_init(&two[0], LOCK_KVM, 1);
	lock_init(&two[1], LOCK_KVM, 2);
	lock_acquire(&two[0], LOCK_EXCLUSIVE);
	lock_acquire(&two[1], LOCK_EXCLUSIVE);
	assert_int_equal(w->env->checker.broken_total, 1);
}

static void locks_released_out_of_order_leave_nothing_behind(void **state)
{
	struct world *w = world_of(state);
	struct task *task = current_task(w->env);

	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	lock_acquire(&w->b, LOCK_SHARED);
	lock_acquire(&w->srcu, LOCK_SHARED);
	lock_release(&w->a, LOCK_EXCLUSIVE);
	assert_int_equal(task->held_classes, 1u << LOCK_MMU_LOCK | 1u << LOCK_SRCU);
	lock_release(&w->b, LOCK_SHARED);
	assert_int_equal(task->held_classes, 1u << LOCK_SRCU);
	lock_release(&w->srcu, LOCK_SHARED);
	assert_int_equal(task->held_classes, 0);
	assert_false(lock_is_held(&w->a));
	assert_false(lock_is_held(&w->b));
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void misuse_of_a_lock_is_reported(void **state)
{
	struct world *w = world_of(state);

	lock_assert_held(&w->a, LOCK_SHARED, "f");
	assert_string_equal(first_broken(w), "f() needs mapping->invalidate_lock held by task main");
	lock_acquire(&w->a, LOCK_SHARED);
	lock_assert_held(&w->a, LOCK_SHARED, "f");
	assert_int_equal(w->env->checker.broken_total, 1);
	lock_assert_held(&w->a, LOCK_EXCLUSIVE, "f");
	assert_int_equal(w->env->checker.broken_total, 2);
	lock_release(&w->a, LOCK_EXCLUSIVE);
	assert_int_equal(w->env->checker.broken_total, 3);
	lock_release(&w->a, LOCK_SHARED);
	assert_int_equal(w->env->checker.broken_total, 3);
}

static void a_task_that_waits_for_itself_is_a_deadlock(void **state)
{
	struct world *w = world_of(state);

	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	assert_false(w->env->sched.deadlock);
	lock_acquire(&w->a, LOCK_EXCLUSIVE);
	assert_true(w->env->sched.deadlock);
	assert_non_null(strstr(w->env->checker.broken[w->env->checker.broken_count - 1].text,
			       "waits for mapping->invalidate_lock#1 held by main"));
}

static void read_twice(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->b, LOCK_SHARED);
	lock_acquire(&w->b, LOCK_SHARED);
	lock_release(&w->b, LOCK_SHARED);
	lock_release(&w->b, LOCK_SHARED);
}

static void write_once(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->b, LOCK_EXCLUSIVE);
	lock_release(&w->b, LOCK_EXCLUSIVE);
}

static u32 deadlocks_of(struct world *w, void (*x)(void *), void (*y)(void *))
{
	struct env *env = w->env;
	u32 deadlocks = 0;

	arena_snapshot(env->arena);
	choose_enumerate(&env->chooser);
	do {
		arena_restore(env->arena);
		spawn(w, "x", x);
		spawn(w, "y", y);
		deadlocks += !task_run_all(env);
	} while (choose_next(&env->chooser));
	return deadlocks;
}

static void a_recursive_reader_deadlocks_with_a_writer_between(void **state)
{
	struct world *w = world_of(state);

	assert_true(deadlocks_of(w, read_twice, write_once) > 0);
	assert_int_equal(deadlocks_of(w, read_twice, read_twice), 0);
	assert_int_equal(deadlocks_of(w, write_once, write_once), 0);
}

static void srcu_reader(void *arg)
{
	struct world *w = arg;

	srcu_read_lock(&w->srcu);
	note(w, 'r');
	task_yield(w->env, YIELD_SPTE);
	note(w, 'R');
	srcu_read_unlock(&w->srcu);
}

static void srcu_updater(void *arg)
{
	struct world *w = arg;
	bool inside = strchr(w->log, 'r') && !strchr(w->log, 'R');

	synchronize_srcu(&w->srcu);
	note(w, 's');
	if (inside && !strchr(w->log, 'R'))
		w->flag = true;
}

static void synchronize_srcu_waits_for_readers_of_before(void **state)
{
	struct world *w = world_of(state);
	struct env *env = w->env;
	bool early = false, late = false;

	arena_snapshot(env->arena);
	choose_enumerate(&env->chooser);
	do {
		arena_restore(env->arena);
		spawn(w, "x", srcu_reader);
		spawn(w, "y", srcu_updater);
		assert_true(task_run_all(env));
		assert_false(w->flag);
		early |= !strcmp(w->log, "srR");
		late |= !strcmp(w->log, "rRs");
	} while (choose_next(&env->chooser));
	assert_true(early);
	assert_true(late);
}

static void synchronize_inside_a_read_side_is_a_deadlock(void **state)
{
	struct world *w = world_of(state);

	srcu_read_lock(&w->srcu);
	srcu_read_lock(&w->srcu);
	synchronize_srcu(&w->srcu);
	assert_true(w->env->sched.deadlock);
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

static void forget_to_unlock(void *arg)
{
	struct world *w = arg;

	lock_acquire(&w->b, LOCK_SHARED);
}

static void a_task_that_ends_with_a_lock_is_reported(void **state)
{
	struct world *w = world_of(state);

	spawn(w, "x", forget_to_unlock);
	assert_true(task_run_all(w->env));
	assert_string_equal(first_broken(w), "task x ends with kvm->mmu_lock held");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
		TEST(a_deadlock_is_found_and_explained),
		TEST(an_inverted_order_is_reported_once_without_a_deadlock),
		TEST(a_try_teaches_no_order),
		TEST(nesting_is_for_folios_not_for_mutexes),
		TEST(locks_released_out_of_order_leave_nothing_behind),
		TEST(misuse_of_a_lock_is_reported),
		TEST(a_task_that_waits_for_itself_is_a_deadlock),
		TEST(a_recursive_reader_deadlocks_with_a_writer_between),
		TEST(synchronize_srcu_waits_for_readers_of_before),
		TEST(synchronize_inside_a_read_side_is_a_deadlock),
		TEST(a_loop_ends_when_another_task_makes_it),
		TEST(a_loop_nobody_can_end_is_a_hang),
		TEST(a_hang_outside_tasks_is_told_to_the_loop),
		TEST(a_loop_that_makes_its_own_progress_gets_some_rounds),
		TEST(a_hang_names_who_is_blocked_behind_it),
		TEST(a_stopped_run_abandons_all_tasks),
		TEST(a_task_that_ends_with_a_lock_is_reported),
	};

	return cmocka_run_group_tests_name("base_task", tests, NULL, NULL);
}
