// SPDX-License-Identifier: GPL-2.0-only
/* The folio lock and frozen folios with several tasks; references that come and go. */
#include <string.h>

#include "model/mm/huge_memory.h"
#include "tests/mm_common.h"

struct scene {
	struct world *w;
	struct inode *inode;
	struct folio *folio;
	char log[64];
	bool ok;
};

static struct scene *new_scene(struct world *w)
{
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	scene.w = w;
	scene.inode = new_inode(w->env, "g0");
	scene.folio = __filemap_get_folio(scene.inode->i_mapping, 0, FGP_LOCK | FGP_CREAT, GFP_KERNEL);
	folio_unlock(scene.folio);
	return &scene;
}

static void locker(void *arg)
{
	struct scene *scene = arg;

	folio_lock(scene->folio);
	strcat(scene->log, "(");
	task_yield(scene->w->env, YIELD_GUEST);
	strcat(scene->log, ")");
	folio_unlock(scene->folio);
}

static void only_one_task_at_a_time_holds_a_folio_lock(void **state)
{
	u32 seed;

	for (seed = 1; seed < 100; seed++) {
		struct scene *scene;
		void *fresh;

		world_plain(&fresh);
		scene = new_scene(fresh);
		choose_prng(&scene->w->env->chooser, seed);
		choose_enable(&scene->w->env->chooser, CHOICE_TASK, true);
		task_create(scene->w->env, "a", locker, scene);
		task_create(scene->w->env, "b", locker, scene);
		task_create(scene->w->env, "c", locker, scene);
		task_run_all(scene->w->env);
		assert_string_equal(scene->log, "()()()");
		assert_int_equal(scene->folio->lock_ref, 0);
		assert_int_equal(scene->w->env->checker.broken_total, 0);
		world_teardown(&fresh);
	}
}

static void trying(void *arg)
{
	struct scene *scene = arg;

	scene->ok = folio_trylock(scene->folio);
}

static void trylock_of_a_held_lock_fails_and_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	struct scene *scene = new_scene(w);

	folio_lock(scene->folio);
	task_create(w->env, "trying", trying, scene);
	task_run_all(w->env);
	assert_false(scene->ok);
	assert_int_equal(folio_ref_count(scene->folio), 3);
	folio_unlock(scene->folio);
	assert_true(folio_trylock(scene->folio));
	folio_unlock(scene->folio);
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void locking_twice_is_a_deadlock_with_a_name(void **state)
{
	struct world *w = *state;
	struct scene *scene = new_scene(w);

	folio_lock(scene->folio);
	folio_lock(scene->folio);
	assert_true(w->env->sched.deadlock);
	assert_int_equal(w->env->checker.broken[0].inv, INV_LOCK_RULES);
	assert_non_null(strstr(w->env->checker.broken[0].text, "folio lock"));
}

static void unlocking_what_is_not_locked_is_a_bug(void **state)
{
	struct world *w = *state;
	struct scene *scene = new_scene(w);

	folio_unlock(scene->folio);
	assert_true(mm_host_down(w->mm));
}

static void lookup(void *arg)
{
	struct scene *scene = arg;
	struct folio *folio = filemap_get_entry(scene->inode->i_mapping, 0);

	scene->ok = folio == scene->folio;
	if (folio)
		folio_put(folio);
}

static void unfreezer(void *arg)
{
	struct scene *scene = arg;

	task_yield(scene->w->env, YIELD_GUEST);
	folio_ref_unfreeze(scene->folio, 3);
	scene->w->env->sched.progress++;
}

static void a_lookup_waits_until_the_folio_is_unfrozen(void **state)
{
	struct world *w = *state;
	struct scene *scene = new_scene(w);

	assert_true(folio_ref_freeze(scene->folio, 3));
	task_create(w->env, "lookup", lookup, scene);
	task_create(w->env, "unfreezer", unfreezer, scene);
	task_run_all(w->env);
	assert_true(scene->ok);
	assert_false(w->env->sched.hang);
}

static void a_folio_that_stays_frozen_is_a_hang(void **state)
{
	struct world *w = *state;
	struct scene *scene = new_scene(w);

	assert_true(folio_ref_freeze(scene->folio, 3));
	task_create(w->env, "lookup", lookup, scene);
	task_run_all(w->env);
	assert_false(scene->ok);
	assert_true(w->env->sched.hang);
}

static void truncater(void *arg)
{
	struct scene *scene = arg;

	truncate_inode_pages_range(scene->inode->i_mapping, 0, ~0ULL);
}

static void finder(void *arg)
{
	struct scene *scene = arg;
	struct folio *folio = __filemap_get_folio(scene->inode->i_mapping, 0, FGP_LOCK | FGP_CREAT,
						  GFP_KERNEL);

	assert_true(folio->mapping == scene->inode->i_mapping && folio_test_locked(folio));
	task_yield(scene->w->env, YIELD_GUEST);
	assert_ptr_equal(folio->mapping, scene->inode->i_mapping);
	folio_unlock(folio);
	folio_put(folio);
}

static void a_locked_folio_stays_in_the_cache_until_it_is_unlocked(void **state)
{
	u32 seed, kept = 0, made_again = 0;

	for (seed = 1; seed < 200; seed++) {
		struct scene *scene;
		void *fresh;

		world_plain(&fresh);
		scene = new_scene(fresh);
		folio_put(scene->folio);
		choose_prng(&scene->w->env->chooser, seed);
		choose_enable(&scene->w->env->chooser, CHOICE_TASK, true);
		task_create(scene->w->env, "finder", finder, scene);
		task_create(scene->w->env, "truncater", truncater, scene);
		task_run_all(scene->w->env);
		if (scene->inode->i_mapping->nrpages)
			made_again++;
		else
			kept++;
		assert_int_equal(scene->w->env->checker.broken_total, 0);
		iput(scene->inode);
		expect_all_free(scene->w);
		world_teardown(&fresh);
	}
	assert_true(kept && made_again);
}

static void a_scanner_that_passes_by_refuses_one_split_and_not_the_next(void **state)
{
	static const u16 once[] = { 1 };
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio;

	inode->i_size = 64 << PAGE_SHIFT;
	mapping_set_folio_order_range(&inode->i_data, 0, 4);
	folio = __filemap_get_folio(inode->i_mapping, 0, FGP_LOCK | FGP_CREAT | FGP_ORDER(4),
				    GFP_KERNEL);
	choose_replay(&w->env->chooser, once, 1);
	choose_enable(&w->env->chooser, CHOICE_TASK, false);
	choose_enable(&w->env->chooser, CHOICE_ALLOC, false);
	choose_enable(&w->env->chooser, CHOICE_REF, true);
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), -EAGAIN);
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), 0);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_one_task_at_a_time_holds_a_folio_lock),
		WORLD_TEST(trylock_of_a_held_lock_fails_and_leaves_nothing_behind),
		WORLD_TEST(locking_twice_is_a_deadlock_with_a_name),
		WORLD_TEST(unlocking_what_is_not_locked_is_a_bug),
		WORLD_TEST(a_lookup_waits_until_the_folio_is_unfrozen),
		WORLD_TEST(a_folio_that_stays_frozen_is_a_hang),
		cmocka_unit_test(a_locked_folio_stays_in_the_cache_until_it_is_unlocked),
		WORLD_TEST(a_scanner_that_passes_by_refuses_one_split_and_not_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
