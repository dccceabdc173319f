// SPDX-License-Identifier: GPL-2.0-only
/* Memory errors, against mm/memory-failure.c of Linux 7.3.4. */
#include "tests/mm_common.h"

static struct folio *create(struct inode *inode, pgoff_t index)
{
	struct folio *folio = __filemap_get_folio(inode->i_mapping, index, FGP_LOCK | FGP_CREAT,
						  GFP_KERNEL);

	folio_mark_uptodate(folio);
	folio_unlock(folio);
	folio_put(folio);
	lru_add_drain_all(env_of(inode));
	return folio;
}

static int punched_result;
static struct folio *punched;

static int answer(struct address_space *cache, struct folio *folio)
{
	punched = folio;
	return punched_result;
}

static const struct address_space_operations gmem_like = { .error_remove_folio = answer };

static int lock_and_answer(struct address_space *cache, struct folio *folio)
{
	filemap_invalidate_lock_shared(cache);
	filemap_invalidate_unlock_shared(cache);
	return MF_DELAYED;
}

static const struct address_space_operations gmem_aops = { .error_remove_folio = lock_and_answer };

static struct inode *gmem_inode(struct world *w)
{
	struct inode *inode = new_inode(w->env, "g0");

	mapping_set_inaccessible(&inode->i_data);
	inode->i_mapping->a_ops = &gmem_like;
	punched = NULL;
	return inode;
}

static void a_clean_page_of_an_ordinary_file_is_recovered(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio = create(inode, 3);

	assert_int_equal(memory_failure(w->env, folio->pfn, 0), 0);
	assert_int_equal(w->mm->mf.last_result, MF_RECOVERED);
	assert_string_equal(w->mm->mf.last_type, "clean LRU page");
	assert_null(xa_load(&inode->i_mapping->i_pages, 3));
	assert_int_equal(folio_ref_count(folio), 1);
	assert_int_equal(holders(w, folio, HOLDER_MEM_FAIL), 1);
	assert_int_equal(mm_nr_poisoned_pages(w->mm), 1);
	assert_string_equal(mm_leaks(w->mm)->reason, "memory-failure");
	iput(inode);
	expect_all_free(w);
}

static void a_guest_memfd_page_fails_although_its_callback_did_its_work(void **state)
{
	struct world *w = *state;
	struct inode *inode = gmem_inode(w);
	struct folio *folio = create(inode, 3);

	punched_result = MF_DELAYED;
	assert_int_equal(memory_failure(w->env, folio->pfn, 0), -EBUSY);
	assert_ptr_equal(punched, folio);
	assert_int_equal(w->mm->mf.last_result, MF_FAILED);
	assert_string_equal(w->mm->mf.last_type, "clean unevictable LRU page");
	/* Still in the cache, off the LRU, poisoned, with a reference for ever. */
	assert_ptr_equal(xa_load(&inode->i_mapping->i_pages, 3), folio);
	assert_false(folio_test_lru(folio));
	assert_true(folio_test_hwpoison(folio));
	assert_int_equal(folio_ref_count(folio), 2);
	truncate_inode_pages_range(inode->i_mapping, 0, ~0ULL);
	assert_int_equal(folio_ref_count(folio), 1);
	assert_false(mm_frame_free(w->mm, folio->pfn));
	iput(inode);
	expect_all_free(w);
}

static void a_callback_that_says_0_still_fails_as_the_cache_reference_is_extra(void **state)
{
	struct world *w = *state;
	struct inode *inode = gmem_inode(w);
	struct folio *folio = create(inode, 3);

	punched_result = 0;
	assert_int_equal(memory_failure(w->env, folio->pfn, 0), -EBUSY);
	iput(inode);
	inode = gmem_inode(w);
	inode->i_mapping->is_shmem = true;
	folio = create(inode, 3);
	assert_int_equal(memory_failure(w->env, folio->pfn, 0), 0);
	iput(inode);
	expect_all_free(w);
}

static void the_batch_is_drained_for_a_page_that_waits_in_it(void **state)
{
	struct world *w = *state;
	struct inode *inode = gmem_inode(w);
	struct folio *folio = __filemap_get_folio(inode->i_mapping, 0, FGP_LOCK | FGP_CREAT, GFP_KERNEL);

	folio_unlock(folio);
	folio_put(folio);
	assert_true(folio_in_lru_batch(folio));
	memory_failure(w->env, folio->pfn, 0);
	assert_ptr_equal(punched, folio);
	assert_false(folio_in_lru_batch(folio));
	iput(inode);
	expect_all_free(w);
}

static void a_second_error_on_the_page_says_so_and_counts_once(void **state)
{
	struct world *w = *state;
	struct inode *inode = gmem_inode(w);
	struct folio *folio = create(inode, 3);

	memory_failure(w->env, folio->pfn, 0);
	assert_int_equal(memory_failure(w->env, folio->pfn, 0), -EHWPOISON);
	assert_int_equal(mm_nr_poisoned_pages(w->mm), 1);
	folio_get(folio);
	assert_int_equal(memory_failure(w->env, folio->pfn, MF_COUNT_INCREASED), -EHWPOISON);
	assert_int_equal(folio_ref_count(folio), 2);
	iput(inode);
	expect_all_free(w);
}

static void a_free_page_leaves_the_buddy(void **state)
{
	struct world *w = *state;
	u64 free = mm_nr_free_pages(w->mm);
	struct page *page = alloc_page(w->env, GFP_KERNEL);
	kvm_pfn_t pfn = page->pfn;

	__free_page(page);
	assert_int_equal(memory_failure(w->env, pfn, MF_SW_SIMULATED), 0);
	assert_string_equal(w->mm->mf.last_type, "free buddy page");
	assert_int_equal(mm_nr_free_pages(w->mm), free - 1);
	assert_int_equal(memory_failure(w->env, pfn + 5000, MF_SW_SIMULATED), 0);
	assert_int_equal(unpoison_memory(w->env, pfn), 0);
	assert_int_equal(unpoison_memory(w->env, pfn + 5000), 0);
	assert_int_equal(mm_nr_free_pages(w->mm), free);
	assert_int_equal(mm_nr_poisoned_pages(w->mm), 0);
	assert_null(mm_leaks(w->mm));
	expect_all_free(w);
}

static void a_kernel_page_is_only_flagged_and_lost_when_it_is_freed(void **state)
{
	struct world *w = *state;
	struct page *page = alloc_page(w->env, GFP_KERNEL);

	assert_int_equal(memory_failure(w->env, page->pfn, 0), -EBUSY);
	assert_string_equal(w->mm->mf.last_type, "get hwpoison page");
	assert_int_equal(w->mm->mf.last_result, MF_IGNORED);
	assert_true(PageHWPoison(page));
	assert_int_equal(page->_refcount, 1);
	__free_page(page);
	assert_string_equal(mm_leaks(w->mm)->reason, "hwpoison");
	assert_int_equal(memory_failure(w->env, 5, 0), -EBUSY);
	assert_string_equal(w->mm->mf.last_type, "reserved kernel page");
	assert_int_equal(memory_failure(w->env, w->mm->zone.end_pfn, 0), -ENXIO);
	expect_all_free(w);
}

static void an_extra_reference_turns_a_recovery_into_a_failure(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio = create(inode, 3);

	folio_get_as(folio, HOLDER_GUP);
	assert_int_equal(memory_failure(w->env, folio->pfn, 0), -EBUSY);
	assert_ptr_equal(xa_load(&inode->i_mapping->i_pages, 3), folio);
	folio_put_as(folio, HOLDER_GUP);
	iput(inode);
	expect_all_free(w);
}

static void unpoison_is_refused_after_a_real_error_and_for_pages_in_use(void **state)
{
	struct world *w = *state;
	struct inode *inode = gmem_inode(w);
	struct folio *folio = create(inode, 3);

	assert_int_equal(unpoison_memory(w->env, folio->pfn), -EBUSY);
	memory_failure(w->env, folio->pfn, MF_SW_SIMULATED);
	assert_int_equal(unpoison_memory(w->env, folio->pfn), -EBUSY);
	truncate_inode_pages_range(inode->i_mapping, 0, ~0ULL);
	assert_int_equal(unpoison_memory(w->env, folio->pfn), 0);
	assert_true(mm_frame_free(w->mm, folio->pfn));
	folio = create(inode, 4);
	memory_failure(w->env, folio->pfn, 0);
	assert_int_equal(unpoison_memory(w->env, folio->pfn), -EOPNOTSUPP);
	iput(inode);
	expect_all_free(w);
}

static void soft_offline_evicts_clean_pages_and_refuses_unmovable_ones(void **state)
{
	struct world *w = *state;
	struct inode *file = new_inode(w->env, "file"), *gmem = gmem_inode(w);
	struct folio *clean = create(file, 0), *dirty = create(file, 1), *guest = create(gmem, 0);

	folio_set_dirty(dirty);
	assert_int_equal(soft_offline_page(w->env, clean->pfn, 0), 0);
	assert_true(folio_test_hwpoison(clean));
	assert_null(xa_load(&file->i_mapping->i_pages, 0));
	assert_int_equal(soft_offline_page(w->env, dirty->pfn, 0), -EBUSY);
	folio_get(guest);
	assert_int_equal(soft_offline_page(w->env, guest->pfn, 0), -EBUSY);
	folio_put(guest);
	assert_int_equal(folio_ref_count(guest), 1);
	assert_int_equal(soft_offline_page(w->env, 0x9000, 0), 0);
	w->mm->config.enable_soft_offline = false;
	assert_int_equal(soft_offline_page(w->env, 0x9001, 0), -EOPNOTSUPP);
	iput(file);
	iput(gmem);
	expect_all_free(w);
}

static void settings_can_turn_a_memory_error_into_a_panic(void **state)
{
	struct world *w = *state;

	w->mm->config.panic_on_unrecoverable_memory_failure = true;
	memory_failure(w->env, alloc_page(w->env, GFP_KERNEL)->pfn, 0);
	assert_false(mm_host_down(w->mm));
	memory_failure(w->env, 5, 0);
	assert_true(mm_host_down(w->mm));
}

static void without_recovery_any_memory_error_is_a_panic(void **state)
{
	struct world *w = *state;

	w->mm->config.memory_failure_recovery = false;
	memory_failure(w->env, 0x9000, 0);
	assert_true(mm_host_down(w->mm));
}

static void a_warning_is_a_panic_only_if_the_host_is_set_so(void **state)
{
	struct world *w = *state;

	assert_null(alloc_pages(w->env, GFP_KERNEL, MAX_PAGE_ORDER + 1));
	assert_int_equal(w->env->checker.warn_count, 1);
	assert_false(mm_host_down(w->mm));
	w->mm->config.panic_on_warn = true;
	assert_true(mm_host_down(w->mm));
}

static void the_callers_reference_becomes_the_one_that_stays(void **state)
{
	struct world *w = *state;
	struct inode *inode = gmem_inode(w);
	struct folio *folio = create(inode, 3);

	folio_get(folio);
	punched_result = MF_DELAYED;
	assert_int_equal(memory_failure(w->env, folio->pfn, MF_COUNT_INCREASED), -EBUSY);
	assert_int_equal(folio_ref_count(folio), 2);
	assert_int_equal(holders(w, folio, HOLDER_MEM_FAIL), 1);
	iput(inode);
	expect_all_free(w);
}

static void a_dirty_page_without_callback_fails_and_the_file_is_told(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio = create(inode, 3);

	folio_set_dirty(folio);
	assert_int_equal(memory_failure(w->env, folio->pfn, 0), -EBUSY);
	assert_string_equal(w->mm->mf.last_type, "dirty LRU page");
	assert_int_equal(inode->i_mapping->wb_err, -EIO);
	iput(inode);
	expect_all_free(w);
}

static void soft_offline_of_a_large_folio_needs_it_split(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio;
	kvm_pfn_t pfn;

	inode->i_size = 64 << PAGE_SHIFT;
	mapping_set_folio_order_range(&inode->i_data, 0, 4);
	folio = __filemap_get_folio(inode->i_mapping, 16, FGP_LOCK | FGP_CREAT | FGP_ORDER(4),
				    GFP_KERNEL);
	pfn = folio->pfn;
	folio_unlock(folio);
	assert_int_equal(soft_offline_page(w->env, pfn + 9, 0), -EBUSY);
	assert_int_equal(folio_ref_count(folio), 17);
	folio_put(folio);
	assert_int_equal(soft_offline_page(w->env, pfn + 9, 0), 0);
	assert_true(PageHWPoison(pfn_to_page(w->env, pfn + 9)));
	assert_int_equal(inode->i_mapping->nrpages, 15);
	iput(inode);
	expect_all_free(w);
}

static void a_large_folio_is_split_down_to_the_bad_page(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio;
	kvm_pfn_t pfn;
	u64 i;

	inode->i_size = 64 << PAGE_SHIFT;
	mapping_set_folio_order_range(inode->i_mapping, 0, 4);
	folio = __filemap_get_folio(inode->i_mapping, 16, FGP_LOCK | FGP_CREAT | FGP_ORDER(4),
				    GFP_KERNEL);
	assert_int_equal(folio_order(folio), 4);
	folio_unlock(folio);
	folio_put(folio);
	pfn = folio->pfn;
	assert_int_equal(memory_failure(w->env, pfn + 5, 0), 0);
	for (i = 0; i < 16; i++) {
		struct folio *piece = xa_load(&inode->i_mapping->i_pages, 16 + i);

		if (i == 5) {
			assert_null(piece);
			continue;
		}
		assert_int_equal(folio_order(piece), 0);
		assert_int_equal(folio_ref_count(piece), 1);
		assert_false(folio_test_hwpoison(piece));
	}
	assert_true(PageHWPoison(pfn_to_page(w->env, pfn + 5)));
	iput(inode);
	expect_all_free(w);
}

static void a_large_folio_that_cannot_be_split_stays_and_the_error_is_reported(void **state)
{
	struct world *w = *state;
	struct inode *inode = new_inode(w->env, "file");
	struct folio *folio;

	inode->i_size = 64 << PAGE_SHIFT;
	mapping_set_folio_order_range(inode->i_mapping, 0, 4);
	folio = __filemap_get_folio(inode->i_mapping, 16, FGP_LOCK | FGP_CREAT | FGP_ORDER(4),
				    GFP_KERNEL);
	folio_unlock(folio);
	assert_int_equal(memory_failure(w->env, folio->pfn + 5, 0), -EHWPOISON);
	assert_string_equal(w->mm->mf.last_type, "unsplit thp");
	assert_true(folio_test_has_hwpoisoned(folio));
	assert_int_equal(folio_ref_count(folio), 16 + 1);
	folio_put(folio);
	iput(inode);
	/* Freed as a block; the next taker of it is told. */
	lru_add_drain_all(w->env);
	mm_check(w->mm, 0);
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void locks_of_memory_failure_and_punch_hole_are_taken_in_opposite_order(void **state)
{
	struct world *w = *state;
	struct inode *inode = gmem_inode(w);
	struct folio *folio = create(inode, 3);

	inode->i_mapping->a_ops = &gmem_aops;
	filemap_invalidate_lock(&inode->i_data);
	truncate_inode_pages_range(inode->i_mapping, 7 << PAGE_SHIFT, ~0ULL);
	folio_lock(folio);
	folio_unlock(folio);
	filemap_invalidate_unlock(&inode->i_data);
	assert_int_equal(w->env->checker.broken_total, 0);
	memory_failure(w->env, folio->pfn, 0);
	assert_int_equal(w->env->checker.broken_total, 1);
	assert_int_equal(w->env->checker.broken[0].inv, INV_LOCK_RULES);
	iput(inode);
}

struct race {
	struct world *w;
	struct inode *inode;
	kvm_pfn_t pfn;
};

static void fail_memory(void *arg)
{
	struct race *race = arg;

	memory_failure(race->w->env, race->pfn, 0);
}

static void punch_hole(void *arg)
{
	struct race *race = arg;

	filemap_invalidate_lock(race->inode->i_mapping);
	truncate_inode_pages_range(race->inode->i_mapping, 0, ~0ULL);
	filemap_invalidate_unlock(race->inode->i_mapping);
}

static void some_schedule_of_the_two_ends_in_a_deadlock(void **state)
{
	u32 seed, deadlocks = 0, ends = 0;

	for (seed = 1; seed < 200 && (!deadlocks || !ends); seed++) {
		void *fresh;
		struct race race;

		world_plain(&fresh);
		race.w = fresh;
		race.inode = gmem_inode(race.w);
		race.inode->i_mapping->a_ops = &gmem_aops;
		race.pfn = create(race.inode, 3)->pfn;
		choose_prng(&race.w->env->chooser, seed);
		choose_enable(&race.w->env->chooser, CHOICE_TASK, true);
		task_create(race.w->env, "memory_failure", fail_memory, &race);
		task_create(race.w->env, "punch_hole", punch_hole, &race);
		task_run_all(race.w->env);
		if (race.w->env->sched.deadlock)
			deadlocks++;
		else
			ends++;
		world_teardown(&fresh);
	}
	assert_true(deadlocks && ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_clean_page_of_an_ordinary_file_is_recovered),
		WORLD_TEST(a_guest_memfd_page_fails_although_its_callback_did_its_work),
		WORLD_TEST(a_callback_that_says_0_still_fails_as_the_cache_reference_is_extra),
		WORLD_TEST(the_batch_is_drained_for_a_page_that_waits_in_it),
		WORLD_TEST(a_second_error_on_the_page_says_so_and_counts_once),
		WORLD_TEST(a_free_page_leaves_the_buddy),
		WORLD_TEST(a_kernel_page_is_only_flagged_and_lost_when_it_is_freed),
		WORLD_TEST(an_extra_reference_turns_a_recovery_into_a_failure),
		WORLD_TEST(unpoison_is_refused_after_a_real_error_and_for_pages_in_use),
		WORLD_TEST(soft_offline_evicts_clean_pages_and_refuses_unmovable_ones),
		WORLD_TEST(settings_can_turn_a_memory_error_into_a_panic),
		WORLD_TEST(without_recovery_any_memory_error_is_a_panic),
		WORLD_TEST(a_warning_is_a_panic_only_if_the_host_is_set_so),
		WORLD_TEST(the_callers_reference_becomes_the_one_that_stays),
		WORLD_TEST(a_dirty_page_without_callback_fails_and_the_file_is_told),
		WORLD_TEST(soft_offline_of_a_large_folio_needs_it_split),
		WORLD_TEST(a_large_folio_is_split_down_to_the_bad_page),
		WORLD_TEST(a_large_folio_that_cannot_be_split_stays_and_the_error_is_reported),
		WORLD_TEST(locks_of_memory_failure_and_punch_hole_are_taken_in_opposite_order),
		cmocka_unit_test(some_schedule_of_the_two_ends_in_a_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
