// SPDX-License-Identifier: GPL-2.0-only
/* The XArray: multi-index entries, reservations, splits, and a plain array beside it. */
#include <string.h>

#include "tests/mm_common.h"

static struct xarray *new_tree(struct world *w)
{
	return arena_alloc(w->env->arena, sizeof(struct xarray));
}

static void *value(u64 n)
{
	return xa_mk_value(n);
}

static void an_entry_covers_its_whole_order(void **state)
{
	struct world *w = *state;
	u32 order;

	for (order = 0; order <= 20; order++) {
		struct xarray *xa = new_tree(w);
		u64 at = 5ULL << order, n = 1ULL << order, first, last;

		assert_null(xa_store_order(xa, at, order, value(order), GFP_KERNEL));
		assert_ptr_equal(xa_load(xa, at), value(order));
		assert_ptr_equal(xa_load(xa, at + n / 2), value(order));
		assert_ptr_equal(xa_load_range(xa, at + n - 1, &first, &last), value(order));
		assert_int_equal(first, at);
		assert_int_equal(last, at + n - 1);
		assert_int_equal(xa_get_order(xa, at), order);
		assert_null(xa_load(xa, at - 1));
		assert_null(xa_load(xa, at + n));
		xa_destroy(xa);
		assert_int_equal(w->mm->xa_nodes.in_use, 0);
	}
}

static void order_9_takes_eight_slots_and_order_18_one(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);

	xa_store_order(xa, 512, 9, value(1), GFP_KERNEL);
	/* A shift-6 node only: 1024 indexes need 16 of its slots. */
	assert_int_equal(w->mm->xa_nodes.in_use, 1);
	xa_erase(xa, 700);
	assert_true(xa_empty(xa));
	assert_int_equal(w->mm->xa_nodes.in_use, 0);
	xa_store_order(xa, 1 << 18, 18, value(1), GFP_KERNEL);
	assert_int_equal(w->mm->xa_nodes.in_use, 1);
	xa_destroy(xa);
}

static void splitting_order_9_to_0_takes_eight_nodes_and_order_6_none(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);
	u32 nodes;
	u64 i;

	xa_store_order(xa, 512, 9, value(1), GFP_KERNEL);
	nodes = w->mm->xa_nodes.in_use;
	assert_int_equal(xa_split(xa, 600, 9, 6, GFP_KERNEL), 0);
	assert_int_equal(w->mm->xa_nodes.in_use, nodes);
	assert_int_equal(xa_get_order(xa, 600), 6);
	xa_store_order(xa, 512, 9, value(1), GFP_KERNEL);
	assert_int_equal(xa_split(xa, 512, 9, 0, GFP_KERNEL), 0);
	assert_int_equal(w->mm->xa_nodes.in_use, nodes + 8);
	for (i = 512; i < 1024; i++) {
		assert_int_equal(xa_get_order(xa, i), 0);
		assert_ptr_equal(xa_load(xa, i), value(1));
	}
	xa_destroy(xa);
}

static void order_18_cannot_be_split_to_9_or_0_at_once(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);
	u32 order;

	xa_store_order(xa, 0, 18, value(1), GFP_KERNEL);
	assert_int_equal(xa_split(xa, 0, 18, 0, GFP_KERNEL), -ENOMEM);
	assert_int_equal(xa_split(xa, 0, 18, 9, GFP_KERNEL), -ENOMEM);
	assert_int_equal(w->env->checker.warn_count, 1);
	assert_int_equal(xa_get_order(xa, 5), 18);
	/* One order at a time it can. */
	for (order = 18; order > 9; order--)
		assert_int_equal(xa_split(xa, 5, order, order - 1, GFP_KERNEL), 0);
	assert_int_equal(xa_get_order(xa, 5), 9);
	xa_destroy(xa);
}

static void a_split_that_finds_no_memory_leaves_the_entry_whole(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);
	u32 nodes;

	xa_store_order(xa, 512, 9, value(7), GFP_KERNEL);
	nodes = w->mm->xa_nodes.in_use;
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 5;
	assert_int_equal(xa_split(xa, 512, 9, 0, GFP_KERNEL), -ENOMEM);
	assert_int_equal(w->mm->xa_nodes.in_use, nodes);
	assert_int_equal(xa_get_order(xa, 1023), 9);
	xa_destroy(xa);
}

static void a_reserved_index_needs_no_memory_later(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);

	assert_int_equal(xa_reserve(xa, 100000, GFP_KERNEL), 0);
	assert_null(xa_load(xa, 100000));
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_false(IS_ERR(xa_store(xa, 100000, value(3), GFP_KERNEL)));
	assert_ptr_equal(xa_load(xa, 100000), value(3));
	xa_destroy(xa);
}

static void a_range_is_stored_in_aligned_pieces(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);
	u64 i, index;
	void *entry;
	u32 n = 0;

	assert_int_equal(xa_store_range(xa, 3, 1000, value(9), GFP_KERNEL), 0);
	for (i = 0; i < 1100; i++)
		assert_ptr_equal(xa_load(xa, i), i >= 3 && i <= 1000 ? value(9) : NULL);
	xa_for_each(xa, index, entry)
		n++;
	/* 3, 4-7, ..., 256-511, 512-767, 768-895, ..., 1000 */
	assert_int_equal(n, 8 + 6);
	assert_int_equal(xa_store_range(xa, 0, ~0ULL, NULL, GFP_KERNEL), 0);
	assert_true(xa_empty(xa));
	assert_int_equal(w->mm->xa_nodes.in_use, 0);
}

static void the_whole_index_space_works(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);
	u64 index = 0;

	assert_null(xa_store(xa, ~0ULL, value(1), GFP_KERNEL));
	assert_null(xa_store(xa, 0, value(2), GFP_KERNEL));
	assert_ptr_equal(xa_find(xa, &index, ~0ULL), value(2));
	assert_ptr_equal(xa_find_after(xa, &index, ~0ULL), value(1));
	assert_int_equal(index, ~0ULL);
	assert_null(xa_find_after(xa, &index, ~0ULL));
	xa_destroy(xa);
}

#define MODEL	2048

static void random_operations_agree_with_a_plain_array(void **state)
{
	struct world *w = *state;
	struct xarray *xa = new_tree(w);
	struct { u32 id, first, last; } model[MODEL];
	u32 round, next_id = 1, i;
	u64 index;

	memset(model, 0, sizeof(model));
	choose_prng(&w->env->chooser, 99);
	choose_enable(&w->env->chooser, CHOICE_WORLD, true);
	for (round = 0; round < 20000; round++) {
		u32 order = choose(w->env, 4, CHOICE_WORLD) ? 0 : choose(w->env, 10, CHOICE_WORLD);
		u32 n = 1u << order, at = ALIGN_DOWN(choose(w->env, MODEL, CHOICE_WORLD), n);
		bool erase = choose(w->env, 3, CHOICE_WORLD) == 0;

		/* What the new entry overlaps goes as a whole. */
		for (i = at; i < at + (erase ? 1 : n); i++) {
			u32 first = model[i].first, last = model[i].last, k;

			if (model[i].id)
				for (k = first; k <= last; k++)
					model[k].id = 0;
		}
		if (erase) {
			xa_erase(xa, at);
		} else {
			xa_store_order(xa, at, order, value(next_id), GFP_KERNEL);
			for (i = at; i < at + n; i++)
				model[i].id = next_id, model[i].first = at, model[i].last = at + n - 1;
			next_id++;
		}
		for (i = 0; i < 64; i++) {
			u32 k = (at + i * 37) % MODEL;
			void *want = model[k].id ? value(model[k].id) : NULL;

			assert_ptr_equal(xa_load(xa, k), want);
		}
		index = at;
		for (i = at; i < MODEL && !model[i].id; i++)
			;
		assert_ptr_equal(xa_find(xa, &index, MODEL - 1), i < MODEL ? value(model[i].id) : NULL);
		if (i < MODEL)
			assert_int_equal(index, i);
	}
	xa_destroy(xa);
	assert_int_equal(w->mm->xa_nodes.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(an_entry_covers_its_whole_order),
		WORLD_TEST(order_9_takes_eight_slots_and_order_18_one),
		WORLD_TEST(splitting_order_9_to_0_takes_eight_nodes_and_order_6_none),
		WORLD_TEST(order_18_cannot_be_split_to_9_or_0_at_once),
		WORLD_TEST(a_split_that_finds_no_memory_leaves_the_entry_whole),
		WORLD_TEST(a_reserved_index_needs_no_memory_later),
		WORLD_TEST(a_range_is_stored_in_aligned_pieces),
		WORLD_TEST(the_whole_index_space_works),
		WORLD_TEST(random_operations_agree_with_a_plain_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
