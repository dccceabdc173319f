// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page cache, truncation, LRU batches and the ledger, against mm/filemap.c,
 * mm/truncate.c and mm/folio.c of Linux 7.3.4.
 */
#include "tests/mm_common.h"

static int freed_by_hook;

static void count_freed(void *ctx, kvm_pfn_t pfn, u32 order)
{
	freed_by_hook += 1 << order;
}

static struct folio *create(struct inode *inode, pgoff_t index)
{
	struct folio *folio = __filemap_get_folio(inode->i_mapping, index, FGP_LOCK | FGP_CREAT,
						  inode->i_mapping->gfp_mask);

	assert_false(IS_ERR(folio));
	return folio;
}

static void a_new_folio_has_cache_batch_and_caller_references(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 7);

	assert_true(folio_test_locked(folio));
	assert_int_equal(folio_ref_count(folio), 3);
	assert_int_equal(holders(w, folio, HOLDER_FILEMAP), 1);
	assert_int_equal(holders(w, folio, HOLDER_LRU_BATCH), 1);
	assert_int_equal(holders(w, folio, HOLDER_LOOKUP), 1);
	folio_unlock(folio);
	folio_put(folio);
	assert_false(folio_test_lru(folio));
	lru_add_drain_all(w->env);
	assert_true(folio_test_lru(folio));
	assert_int_equal(folio_ref_count(folio), 1);
	assert_int_equal(folio_ref_count(folio), folio_expected_ref_count(folio));
	iput(inode);
	expect_all_free(w);
}

static void an_unevictable_mapping_makes_its_folios_unevictable(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio;

	mapping_set_inaccessible(&inode->i_data);
	folio = create(inode, 0);
	lru_add_drain_all(w->env);
	assert_true(folio_test_lru(folio) && folio_test_unevictable(folio));
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void lookup_finds_what_was_added_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 100), *again;

	folio_unlock(folio);
	again = filemap_lock_folio(inode->i_mapping, 100);
	assert_ptr_equal(again, folio);
	folio_unlock(again);
	folio_put(again);
	assert_int_equal(PTR_ERR(filemap_lock_folio(inode->i_mapping, 101)), -ENOENT);
	assert_int_equal(PTR_ERR(__filemap_get_folio(inode->i_mapping, 99, 0, 0)), -ENOENT);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void a_second_folio_at_an_index_is_refused(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *first = create(inode, 3), *second = folio_alloc(w->env, GFP_KERNEL, 0);

	assert_int_equal(filemap_add_folio(inode->i_mapping, second, 3, GFP_KERNEL), -EEXIST);
	assert_null(second->mapping);
	assert_int_equal(folio_ref_count(second), 1);
	folio_put_as(second, HOLDER_ALLOC);
	folio_unlock(first);
	folio_put(first);
	iput(inode);
	expect_all_free(w);
}

static void each_allocation_of_a_create_can_fail_and_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio;
	u32 nth;

	for (nth = 1; ; nth++) {
		w->env->injector.alloc_count = 0;
		w->env->injector.alloc_fail_nth = nth;
		folio = __filemap_get_folio(inode->i_mapping, 70, FGP_LOCK | FGP_CREAT, GFP_KERNEL);
		if (!IS_ERR(folio))
			break;
		assert_int_equal(PTR_ERR(folio), -ENOMEM);
		assert_int_equal(inode->i_mapping->nrpages, 0);
		assert_int_equal(mm_nr_in_use(w->mm), 0);
	}
	/* The folio itself and the two tree nodes above index 70. */
	assert_int_equal(nth, 4);
	w->env->injector.alloc_fail_nth = 0;
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void truncation_takes_exactly_the_range(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	pgoff_t i;

	for (i = 0; i < 200; i++) {
		struct folio *folio = create(inode, i);

		folio_unlock(folio);
		folio_put(folio);
	}
	lru_add_drain_all(w->env);
	truncate_inode_pages_range(inode->i_mapping, 10 * PAGE_SIZE, 150 * PAGE_SIZE - 1);
	assert_int_equal(inode->i_mapping->nrpages, 60);
	assert_int_equal(mm_nr_in_use(w->mm), 60);
	for (i = 0; i < 200; i++) {
		struct folio *folio = filemap_get_folio(inode->i_mapping, i);

		assert_int_equal(!IS_ERR(folio), i < 10 || i >= 150);
		if (!IS_ERR(folio))
			folio_put(folio);
	}
	iput(inode);
	expect_all_free(w);
}

static void a_truncated_folio_lives_until_its_last_reference_goes(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 0);
	struct mm_hooks hooks = { .frame_freed = count_freed };

	folio_unlock(folio);
	mm_set_hooks(w->mm, &hooks);
	freed_by_hook = 0;
	truncate_inode_pages_range(inode->i_mapping, 0, ~0ULL);
	assert_null(folio->mapping);
	assert_int_equal(folio_ref_count(folio), 2);
	lru_add_drain_all(w->env);
	assert_int_equal(freed_by_hook, 0);
	folio_put(folio);
	assert_int_equal(freed_by_hook, 1);
	iput(inode);
	expect_all_free(w);
}

static int free_folio_calls;
static s32 free_folio_refs;

static void note_free_folio(struct folio *folio)
{
	free_folio_calls++;
	free_folio_refs = folio_ref_count(folio);
	assert_null(folio->mapping);
	assert_true(folio_test_locked(folio));
}

static void free_folio_runs_at_removal_and_not_at_the_last_put(void **state)
{
	static const struct address_space_operations aops = { .free_folio = note_free_folio };
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 5);

	inode->i_mapping->a_ops = &aops;
	free_folio_calls = 0;
	filemap_remove_folio(folio);
	assert_int_equal(free_folio_calls, 1);
	assert_int_equal(free_folio_refs, 3);
	assert_int_equal(folio->index, 5);
	folio_unlock(folio);
	folio_put(folio);
	lru_add_drain_all(w->env);
	assert_int_equal(free_folio_calls, 1);
	iput(inode);
	expect_all_free(w);
}

static void a_folio_freed_out_of_the_batch_never_sees_the_lru(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 5);

	filemap_remove_folio(folio);
	folio_unlock(folio);
	folio_put(folio);
	assert_int_equal(folio_ref_count(folio), 1);
	lru_add_drain_all(w->env);
	assert_true(mm_frame_free(w->mm, folio_pfn(folio)));
	assert_int_equal(w->env->checker.broken_total, 0);
	iput(inode);
	expect_all_free(w);
}

static void giving_back_what_one_does_not_hold_is_reported(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 5);

	folio_unlock(folio);
	folio_put_as(folio, HOLDER_SEPT_PIN);
	assert_int_equal(w->env->checker.broken_total, 1);
	assert_int_equal(w->env->checker.broken[0].inv, INV_REFCOUNT_HAS_HOLDERS);
	folio_get_as(folio, HOLDER_SEPT_PIN);
	folio_put(folio);
	iput(inode);
}

static void a_count_that_reaches_zero_with_holders_left_is_reported(void **state)
{
	struct world *w = *state;
	struct page *page = alloc_page(w->env, GFP_KERNEL);

	/* A pin that the ledger has and the count has not. */
	ledger_add(page_folio(page), HOLDER_GUP, 1);
	__free_page(page);
	assert_int_equal(w->env->checker.broken_total, 1);
	assert_int_equal(w->env->checker.broken[0].inv, INV_REFCOUNT_HAS_HOLDERS);
}

static void the_audit_sees_a_count_without_holder(void **state)
{
	struct world *w = *state;
	struct page *page = alloc_page(w->env, GFP_KERNEL);

	mm_check(w->mm, 1);
	assert_int_equal(w->env->checker.broken_total, 0);
	page->_refcount++;
	mm_check(w->mm, 1);
	assert_int_equal(w->env->checker.broken_total, 1);
	page->_refcount--;
	mm_check(w->mm, 0);
	assert_int_equal(w->env->checker.broken[1].inv, INV_FRAMES_ACCOUNTED);
	__free_page(page);
}

static void the_quick_check_sees_what_was_locked_since_the_last_one(void **state)
{
	struct world *w = *state;
	struct page *page = alloc_page(w->env, GFP_KERNEL);

	mm_check_recent(w->mm);
	page->_refcount++;
	mm_check_recent(w->mm);
	assert_int_equal(w->env->checker.broken_total, 0);
	folio_lock(page_folio(page));
	folio_unlock(page_folio(page));
	mm_check_recent(w->mm);
	assert_int_equal(w->env->checker.broken_total, 1);
}

static void freezing_needs_the_exact_count(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 5);

	assert_false(folio_ref_freeze(folio, 2));
	assert_true(folio_ref_freeze(folio, 3));
	assert_false(folio_try_get(folio));
	folio_ref_unfreeze(folio, 3);
	assert_true(folio_try_get(folio));
	folio_put(folio);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void the_ledger_names_kinds(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct holder_view view[4];
	struct folio *folio;
	int n;

	w->env->trace.mask = 1u << TRACE_REF;
	w->env->trace.listener = ignore_event;
	folio = create(inode, 5);
	n = mm_holders(w->mm, folio_pfn(folio), view, 4);
	assert_int_equal(n, 3);
	assert_string_equal(view[0].kind, "filemap");
	assert_string_equal(view[1].kind, "lookup");
	assert_string_equal(view[2].kind, "lru-batch");
	folio_unlock(folio);
	folio_put(folio);
	assert_int_equal(mm_holders(w->mm, folio_pfn(folio), view, 4), 2);
	iput(inode);
	expect_all_free(w);
}

static void flags_of_a_lookup_do_what_the_kernel_says(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio;

	/* FOR_MMAP: created, but not left locked. */
	folio = __filemap_get_folio(inode->i_mapping, 0, FGP_CREAT | FGP_FOR_MMAP, GFP_KERNEL);
	assert_false(folio_test_locked(folio));
	folio_put(folio);
	/* Neither LOCK nor FOR_MMAP: a warning, and locked all the same. */
	folio = __filemap_get_folio(inode->i_mapping, 1, FGP_CREAT, GFP_KERNEL);
	assert_int_equal(w->env->checker.warn_count, 1);
	assert_true(folio_test_locked(folio));
	folio_unlock(folio);
	folio_put(folio);
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_int_equal(PTR_ERR(__filemap_get_folio(inode->i_mapping, 2,
						     FGP_LOCK | FGP_CREAT, GFP_KERNEL)),
			 -ENOMEM);
	iput(inode);
	expect_all_free(w);
}

static void a_large_folio_that_cannot_be_had_is_replaced_by_a_smaller_one(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio;

	mapping_set_folio_order_range(&inode->i_data, 0, 4);
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	folio = __filemap_get_folio(inode->i_mapping, 16, FGP_LOCK | FGP_CREAT | FGP_ORDER(9),
				    GFP_KERNEL);
	assert_int_equal(folio_order(folio), 3);
	folio_unlock(folio);
	folio_put(folio);
	/* The index's alignment is a limit, too. */
	folio = __filemap_get_folio(inode->i_mapping, 4, FGP_LOCK | FGP_CREAT | FGP_ORDER(4),
				    GFP_KERNEL);
	assert_int_equal(folio_order(folio), 2);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void a_planted_double_put_is_found(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *folio = create(inode, 0);

	folio_unlock(folio);
	folio_put(folio);
	lru_add_drain_all(w->env);
	w->env->defects = 1ULL << DEFECT_DOUBLE_PUT;
	truncate_inode_pages_range(inode->i_mapping, 0, ~0ULL);
	assert_true(w->env->checker.broken_total);
	assert_int_equal(w->env->checker.broken[0].inv, INV_REFCOUNT_HAS_HOLDERS);
	w->env->defects = 0;
}

/* -- against a plain array ------------------------------------------------------ */

#define MODEL_PAGES	300

static void random_operations_agree_with_a_plain_array(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "g0");
	struct folio *model[MODEL_PAGES] = { NULL };
	struct folio *pinned[16] = { NULL };
	u64 count = 0, round;
	u32 i;

	choose_prng(&w->env->chooser, 0x5e97);
	choose_enable(&w->env->chooser, CHOICE_WORLD, true);
	for (round = 0; round < 6000; round++) {
		pgoff_t at = choose(w->env, MODEL_PAGES, CHOICE_WORLD);
		pgoff_t len = 1 + choose(w->env, 40, CHOICE_WORLD);
		u32 slot = choose(w->env, 16, CHOICE_WORLD);
		struct folio *folio;

		switch (choose(w->env, 5, CHOICE_WORLD)) {
		case 0:
		case 1:
			folio = create(inode, at);
			assert_true(!model[at] || model[at] == folio);
			count += !model[at];
			model[at] = folio;
			folio_unlock(folio);
			folio_put(folio);
			break;
		case 2:
			truncate_inode_pages_range(inode->i_mapping, at << PAGE_SHIFT,
						   ((at + len) << PAGE_SHIFT) - 1);
			for (i = at; i < at + len && i < MODEL_PAGES; i++) {
				count -= !!model[i];
				model[i] = NULL;
			}
			break;
		case 3:
			folio = filemap_get_entry(inode->i_mapping, at);
			assert_ptr_equal(folio, model[at]);
			if (folio && !pinned[slot]) {
				ledger_move(folio, HOLDER_LOOKUP, HOLDER_GUP, 1);
				pinned[slot] = folio;
			} else if (folio) {
				folio_put(folio);
			}
			break;
		default:
			if (pinned[slot])
				folio_put_as(pinned[slot], HOLDER_GUP);
			pinned[slot] = NULL;
			lru_add_drain_all(w->env);
		}
		assert_int_equal(inode->i_mapping->nrpages, count);
		if (round % 64 == 0)
			mm_check(w->mm, ~0ULL);
		assert_int_equal(w->env->checker.broken_total, 0);
	}
	for (i = 0; i < 16; i++)
		if (pinned[i])
			folio_put_as(pinned[i], HOLDER_GUP);
	iput(inode);
	expect_all_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_new_folio_has_cache_batch_and_caller_references),
		WORLD_TEST(an_unevictable_mapping_makes_its_folios_unevictable),
		WORLD_TEST(lookup_finds_what_was_added_and_nothing_else),
		WORLD_TEST(a_second_folio_at_an_index_is_refused),
		WORLD_TEST(each_allocation_of_a_create_can_fail_and_leaves_nothing),
		WORLD_TEST(truncation_takes_exactly_the_range),
		WORLD_TEST(a_truncated_folio_lives_until_its_last_reference_goes),
		WORLD_TEST(free_folio_runs_at_removal_and_not_at_the_last_put),
		WORLD_TEST(a_folio_freed_out_of_the_batch_never_sees_the_lru),
		WORLD_TEST(giving_back_what_one_does_not_hold_is_reported),
		WORLD_TEST(a_count_that_reaches_zero_with_holders_left_is_reported),
		WORLD_TEST(the_audit_sees_a_count_without_holder),
		WORLD_TEST(the_quick_check_sees_what_was_locked_since_the_last_one),
		WORLD_TEST(freezing_needs_the_exact_count),
		WORLD_TEST(the_ledger_names_kinds),
		WORLD_TEST(flags_of_a_lookup_do_what_the_kernel_says),
		WORLD_TEST(a_large_folio_that_cannot_be_had_is_replaced_by_a_smaller_one),
		WORLD_TEST(a_planted_double_put_is_found),
		WORLD_TEST(random_operations_agree_with_a_plain_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
