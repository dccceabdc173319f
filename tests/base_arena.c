// SPDX-License-Identifier: GPL-2.0-only
/* Arena, snapshot and restore, pools, sparse arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/base/env.h"
#include "sim/base/pool.h"

static int setup(void **state)
{
	*state = env_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	env_destroy(*state);
	return 0;
}

static void env_is_found_from_any_object_of_its_arena(void **state)
{
	struct env *env = *state, *other = env_create();
	char *a = arena_alloc(env->arena, 10), *b = arena_alloc(other->arena, 1 << 20);

	assert_ptr_equal(env_of(a), env);
	assert_ptr_equal(env_of(b + (1 << 20) - 1), other);
	env_destroy(other);
}

static void memory_is_aligned_and_zeroed(void **state)
{
	struct env *env = *state;
	u8 *small, *big;
	int i;

	arena_snapshot(env->arena);
	small = arena_alloc(env->arena, 24);
	big = arena_alloc(env->arena, 4096);
	assert_int_equal((uintptr_t)small % 16, 0);
	assert_int_equal((uintptr_t)big % 64, 0);
	memset(small, 0xff, 24);
	memset(big, 0xff, 4096);
	arena_restore(env->arena);
	small = arena_alloc(env->arena, 40);
	big = arena_alloc(env->arena, 8192);
	for (i = 0; i < 40; i++)
		assert_int_equal(small[i], 0);
	for (i = 0; i < 8192; i++)
		assert_int_equal(big[i], 0);
}

static void a_restarted_env_is_a_new_one_in_the_same_memory(void **state)
{
	struct env *env = *state, *fresh;
	struct arena *arena = env->arena;
	u8 *bytes = arena_alloc(arena, 1 << 16);
	u64 used, i;

	memset(bytes, 0xff, 1 << 16);
	env->sched.live = 7;
	arena_snapshot(arena);

	fresh = env_restart(env);
	*state = fresh;
	assert_ptr_equal(fresh->arena, arena);
	assert_ptr_equal(env_of(bytes), fresh);
	assert_int_equal(fresh->sched.live, 1);
	assert_int_equal(arena->snapshot_used, 0);
	used = arena->used;
	bytes = arena_alloc(arena, 1 << 16);
	for (i = 0; i < 1 << 16; i++)
		assert_int_equal(bytes[i], 0);
	assert_true(arena->used > used);
}

static void restore_returns_to_the_snapshot_any_number_of_times(void **state)
{
	struct env *env = *state;
	u32 *word = arena_alloc(env->arena, sizeof(*word));
	u64 used;
	int i;

	*word = 7;
	arena_snapshot(env->arena);
	used = env->arena->used;
	for (i = 0; i < 3; i++) {
		*word = 100 + i;
		arena_alloc(env->arena, 1000);
		arena_restore(env->arena);
		assert_int_equal(*word, 7);
		assert_int_equal(env->arena->used, used);
	}
	*word = 8;
	arena_snapshot(env->arena);
	*word = 9;
	arena_restore(env->arena);
	assert_int_equal(*word, 8);
}

static void ignore(void *ctx, const struct trace_event *event)
{
	(*(int *)ctx)++;
}

static void restore_keeps_what_the_engine_set(void **state)
{
	struct env *env = *state;
	u16 list[] = { 1, 1 };
	int events = 0, i;

	choose_enable(&env->chooser, CHOICE_REF, true);
	arena_snapshot(env->arena);
	choose_replay(&env->chooser, list, 2);
	env->defects = 1;
	env->trace.listener = ignore;
	env->trace.ctx = &events;
	env->trace.mask = 1u << TRACE_KMSG;
	/* Grows the record past its first size: the old heap block is gone. */
	for (i = 0; i < 1000; i++)
		choose(env, 3, CHOICE_REF);
	kmsg(env, KMSG_WARN, __func__, "text");
	check_fail(env, INV_LOCK_RULES, "text");
	assert_int_equal(env->trace.seq, 1);
	arena_restore(env->arena);
	assert_int_equal(env->chooser.backend, CHOOSE_REPLAY);
	assert_int_equal(env->chooser.record_count, 1000);
	assert_int_equal(env->chooser.record[1].picked, 1);
	assert_int_equal(env->defects, 1);
	assert_ptr_equal(env->trace.ctx, &events);
	assert_int_equal(env->trace.seq, 0);
	assert_int_equal(env->checker.warn_count, 0);
	assert_int_equal(env->checker.broken_count, 0);
	check_fail(env, INV_LOCK_RULES, "again");
	assert_string_equal(env->checker.broken[0].text, "again");
}

static void pool_recycles_zeroed_and_follows_the_snapshot(void **state)
{
	struct env *env = *state;
	struct pool *pool = arena_alloc(env->arena, sizeof(*pool));
	u64 *a, *b;

	pool_init(pool, "things", 48);
	a = pool_alloc(pool);
	b = pool_alloc(pool);
	assert_ptr_not_equal(a, b);
	a[5] = 1;
	pool_free(pool, a);
	assert_int_equal(pool->in_use, 1);
	arena_snapshot(env->arena);
	assert_ptr_equal(pool_alloc(pool), a);
	assert_int_equal(a[0] | a[5], 0);
	assert_int_equal(pool->in_use, 2);
	arena_restore(env->arena);
	assert_int_equal(pool->in_use, 1);
	assert_ptr_equal(pool_alloc(pool), a);
	pool_free(pool, NULL);
	assert_int_equal(pool->in_use, 2);
}

static void sparse_array_takes_memory_for_touched_parts_only(void **state)
{
	struct env *env = *state;
	struct sparse *sparse = arena_alloc(env->arena, sizeof(*sparse));
	u64 limit = 1ULL << 40, before = env->arena->used;

	sparse_init(sparse, 8, limit);
	assert_null(sparse_find(sparse, 0));
	assert_null(sparse_find(sparse, limit - 1));
	assert_null(sparse_find(sparse, ~0ULL));
	*(u64 *)sparse_get(sparse, limit - 1) = 5;
	*(u64 *)sparse_get(sparse, 3) = 6;
	assert_int_equal(*(u64 *)sparse_find(sparse, limit - 1), 5);
	assert_int_equal(*(u64 *)sparse_find(sparse, 3), 6);
	assert_int_equal(*(u64 *)sparse_find(sparse, 4), 0);
	assert_null(sparse_find(sparse, 64));
	assert_true(env->arena->used - before < 16384);
}

static void sparse_next_walks_existing_leaves_in_order(void **state)
{
	struct env *env = *state;
	struct sparse *sparse = arena_alloc(env->arena, sizeof(*sparse));
	static const u64 touched[] = { 70, 4096, 4097, 1ULL << 30 };
	u64 i;

	sparse_init(sparse, 4, 1ULL << 31);
	assert_int_equal(sparse_next(sparse, 0), ~0ULL);
	for (i = 0; i < ARRAY_SIZE(touched); i++)
		sparse_get(sparse, touched[i]);
	assert_int_equal(sparse_next(sparse, 0), 64);
	assert_int_equal(sparse_next(sparse, 70), 70);
	assert_int_equal(sparse_next(sparse, 128), 4096);
	assert_int_equal(sparse_next(sparse, 4160), 1ULL << 30);
	assert_int_equal(sparse_next(sparse, (1ULL << 30) + 64), ~0ULL);
	assert_int_equal(sparse_next(sparse, ~0ULL), ~0ULL);
}

static void sparse_array_of_one_leaf_works(void **state)
{
	struct env *env = *state;
	struct sparse *sparse = arena_alloc(env->arena, sizeof(*sparse));

	sparse_init(sparse, 1, 10);
	assert_int_equal(sparse_next(sparse, 0), ~0ULL);
	*(u8 *)sparse_get(sparse, 9) = 1;
	assert_int_equal(sparse_next(sparse, 0), 0);
	assert_int_equal(*(u8 *)sparse_find(sparse, 9), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(env_is_found_from_any_object_of_its_arena),
		TEST(memory_is_aligned_and_zeroed),
		TEST(a_restarted_env_is_a_new_one_in_the_same_memory),
		TEST(restore_returns_to_the_snapshot_any_number_of_times),
		TEST(restore_keeps_what_the_engine_set),
		TEST(pool_recycles_zeroed_and_follows_the_snapshot),
		TEST(sparse_array_takes_memory_for_touched_parts_only),
		TEST(sparse_next_walks_existing_leaves_in_order),
		TEST(sparse_array_of_one_leaf_works),
	};

	return cmocka_run_group_tests_name("base_arena", tests, NULL, NULL);
}
