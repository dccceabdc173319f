// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's locks: deadlock, order, SRCU, misuse. */
#include "tests/task_world.h"

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(a_task_that_ends_with_a_lock_is_reported),
	};

	return cmocka_run_group_tests_name("base_lock", tests, NULL, NULL);
}
