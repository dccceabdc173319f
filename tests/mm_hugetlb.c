// SPDX-License-Identifier: GPL-2.0-only
/*
 * hugetlb pools, HVO and memory errors, against mm/hugetlb.c, hugetlb_vmemmap.c
 * and memory-failure.c of Linux 7.3.4.
 */
#include "tests/mm_hugetlb_common.h"

static void a_pool_takes_its_pages_at_boot_and_gives_them_back(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	u64 free = mm_nr_free_pages(w->mm);
	struct folio *folio;

	assert_int_equal(h->nr_huge_pages, 8);
	assert_int_equal(h->free_huge_pages, 8);
	assert_int_equal(hstate_1g(w)->nr_huge_pages, 2);
	folio = list_entry(h->freelist.next, struct folio, lru);
	assert_int_equal(folio_ref_count(folio), 0);
	assert_true(folio_test_hugetlb(folio) && folio_test_hpg(folio, HPG_freed));
	set_max_huge_pages(h, 3);
	assert_int_equal(h->nr_huge_pages, 3);
	assert_int_equal(mm_nr_free_pages(w->mm), free + 5 * 512 - (w->mm->config.hvo ? 5 * 7 : 0));
	expect_all_free(w);
}

static void a_folio_goes_out_of_the_pool_with_one_reference_and_back(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	struct folio *folio = hugetlb_alloc_folio(h, false);

	assert_int_equal(folio_ref_count(folio), 1);
	assert_false(folio_test_hpg(folio, HPG_freed) || folio_test_hpg(folio, HPG_migratable));
	assert_int_equal(h->free_huge_pages, 7);
	assert_int_equal(mm_nr_in_use(w->mm), 512);
	folio_put(folio);
	assert_int_equal(h->free_huge_pages, 8);
	expect_all_free(w);
}

static void an_empty_pool_without_overcommit_says_enospc(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	struct folio *folio[9];
	u32 i;

	for (i = 0; i < 8; i++)
		folio[i] = hugetlb_alloc_folio(h, false);
	assert_int_equal(PTR_ERR(hugetlb_alloc_folio(h, false)), -ENOSPC);
	h->nr_overcommit_huge_pages = 1;
	folio[8] = hugetlb_alloc_folio(h, false);
	assert_false(IS_ERR(folio[8]));
	assert_int_equal(h->surplus_huge_pages, 1);
	assert_int_equal(PTR_ERR(hugetlb_alloc_folio(h, false)), -ENOSPC);
	for (i = 0; i < 9; i++)
		folio_put(folio[i]);
	/* The first one freed paid the surplus back. */
	wait_for_freed_hugetlb_folios(w->mm);
	assert_int_equal(h->surplus_huge_pages, 0);
	assert_int_equal(h->nr_huge_pages, 8);
	expect_all_free(w);
}

static void reserved_pages_are_not_for_others(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	struct folio *folio;

	assert_int_equal(hugetlb_acct_memory(h, 8), 0);
	assert_int_equal(hugetlb_acct_memory(h, 1), -ENOMEM);
	assert_int_equal(PTR_ERR(hugetlb_alloc_folio(h, false)), -ENOSPC);
	folio = hugetlb_alloc_folio(h, true);
	assert_true(folio_test_hpg(folio, HPG_restore_reserve));
	assert_int_equal(h->resv_huge_pages, 7);
	folio_put(folio);
	assert_int_equal(h->resv_huge_pages, 8);
	hugetlb_acct_memory(h, -8);
	expect_all_free(w);
}

static void a_subpool_keeps_its_minimum_reserved(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	struct hugepage_subpool *spool = hugepage_new_subpool(h, 4, 2);

	assert_int_equal(h->resv_huge_pages, 2);
	assert_int_equal(hugepage_subpool_get_pages(spool, 1), 0);
	assert_int_equal(hugepage_subpool_get_pages(spool, 2), 1);
	assert_int_equal(hugepage_subpool_get_pages(spool, 2), -ENOMEM);
	assert_int_equal(hugepage_subpool_put_pages(spool, 1), 1);
	assert_int_equal(hugepage_subpool_put_pages(spool, 2), 0);
	hugepage_put_subpool(spool);
	assert_int_equal(h->resv_huge_pages, 0);
	assert_int_equal(w->mm->hugetlb->subpools.in_use, 0);
}

static void the_cache_holds_a_reference_a_base_page(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 1024);

	assert_int_equal(folio_ref_count(folio), 512);
	assert_false(folio_test_lru(folio));
	assert_true(folio_test_dirty(folio));
	assert_int_equal(inode->i_blocks, 512 * 8);
	assert_ptr_equal(xa_load(&inode->i_mapping->i_pages, 1535), folio);
	truncate_inode_pages_range(inode->i_mapping, 1024 << PAGE_SHIFT, (1536 << PAGE_SHIFT) - 1);
	assert_int_equal(hstate_2m(w)->free_huge_pages, 8);
	iput(inode);
	expect_all_free(w);
}

static void dissolving_needs_a_free_unreserved_folio(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	struct folio *used = hugetlb_alloc_folio(h, false);
	struct folio *idle = list_entry(h->freelist.next, struct folio, lru);

	assert_int_equal(dissolve_free_hugetlb_folio(used), -EBUSY);
	hugetlb_acct_memory(h, 7);
	assert_int_equal(dissolve_free_hugetlb_folio(idle), -EBUSY);
	hugetlb_acct_memory(h, -7);
	assert_int_equal(dissolve_free_hugetlb_folio(idle), 0);
	assert_false(folio_test_hugetlb(idle));
	assert_int_equal(dissolve_free_hugetlb_folio(idle), 0);
	assert_int_equal(h->nr_huge_pages, 7);
	assert_int_equal(h->max_huge_pages, 7);
	folio_put(used);
	expect_all_free(w);
}

static void demotion_turns_one_gigabyte_page_into_512_smaller_ones(void **state)
{
	struct world *w = *state;
	struct hstate *big = hstate_1g(w), *small = hstate_2m(w);

	assert_int_equal(demote_pool_huge_page(small, 1), -EINVAL);
	assert_int_equal(demote_pool_huge_page(big, 1), 1);
	assert_int_equal(big->nr_huge_pages, 1);
	assert_int_equal(small->free_huge_pages, 8 + 512);
	assert_int_equal(small->max_huge_pages, 8 + 512);
	mm_check(w->mm, 0);
	set_max_huge_pages(small, 0);
	set_max_huge_pages(big, 0);
	expect_all_free(w);
	assert_int_equal(hugetlb_pool_pages(w->mm), 0);
}

/* -- HVO ----------------------------------------------------------------------------- */

static void hvo_frees_7_of_8_and_4095_of_4096(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->mm->hugetlb->vmemmap_saved, 8 * 7 + 2 * 4095);
	/* Two shared tail pages, and what was saved, against a host without. */
	assert_int_equal(mm_nr_free_pages(w->mm) + hugetlb_pool_pages(w->mm),
			 (8ULL << 18) - KERNEL_IMAGE_PAGES - (8ULL << 12) + 8 * 7 + 2 * 4095 - 2);
}

static void the_first_64_struct_pages_are_private_and_the_rest_read_only(void **state)
{
	struct world *w = *state;
	struct folio *folio = hugetlb_alloc_folio(hstate_2m(w), false);

	SetPageHWPoison(folio_page(folio, 63));
	assert_false(mm_host_down(w->mm));
	/* Reading works: head, order, mapping, count. */
	assert_ptr_equal(page_folio(folio_page(folio, 64)), folio);
	assert_ptr_equal(folio_page(folio, 511)->mapping, TAIL_MAPPING);
	assert_int_equal(page_ref_count(folio_page(folio, 511)), 0);
	assert_int_equal(page_to_pfn(folio_page(folio, 511)), folio->pfn + 511);
	SetPageHWPoison(folio_page(folio, 64));
	assert_true(mm_host_down(w->mm));
	assert_int_equal(w->env->checker.bug_count, 1);
}

static void restoring_takes_7_pages_or_nothing(void **state)
{
	struct world *w = *state;
	struct folio *folio = hugetlb_alloc_folio(hstate_2m(w), false);
	u64 free = mm_nr_free_pages(w->mm);

	folio_ref_freeze(folio, 1);
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_int_equal(hugetlb_vmemmap_restore_folio(folio), -ENOMEM);
	assert_true(folio_test_hpg(folio, HPG_vmemmap_optimized));
	assert_int_equal(mm_nr_free_pages(w->mm), free);
	assert_int_equal(hugetlb_vmemmap_restore_folio(folio), 0);
	assert_int_equal(mm_nr_free_pages(w->mm), free - 7);
	SetPageHWPoison(folio_page(folio, 400));
	assert_false(mm_host_down(w->mm));
	ClearPageHWPoison(folio_page(folio, 400));
	hugetlb_vmemmap_optimize_folio(folio);
	assert_int_equal(mm_nr_free_pages(w->mm), free);
	folio_ref_unfreeze(folio, 1);
	folio_put(folio);
	expect_all_free(w);
}

static void restoring_a_gigabyte_takes_4095_pages_or_nothing(void **state)
{
	struct world *w = *state;
	struct folio *folio = hugetlb_alloc_folio(hstate_1g(w), false);
	u64 free, left = 4000;
	struct page *page, *list = NULL;

	/* Nearly all of memory is taken: too little for the restore. */
	while (mm_nr_free_pages(w->mm) >= left + 1024) {
		page = alloc_pages(w->env, GFP_KERNEL, 10);
		if (!page)
			break;
		page->private = (uintptr_t)list;
		list = page;
	}
	while (mm_nr_free_pages(w->mm) > left)
		alloc_page(w->env, GFP_KERNEL);
	free = mm_nr_free_pages(w->mm);
	folio_ref_freeze(folio, 1);
	assert_int_equal(hugetlb_vmemmap_restore_folio(folio), -ENOMEM);
	assert_int_equal(mm_nr_free_pages(w->mm), free);
	assert_true(folio_test_hpg(folio, HPG_vmemmap_optimized));
	while (list && mm_nr_free_pages(w->mm) < 4095) {
		page = list;
		list = (struct page *)(uintptr_t)page->private;
		page->private = 0;
		__free_pages(page, 10);
	}
	free = mm_nr_free_pages(w->mm);
	assert_int_equal(hugetlb_vmemmap_restore_folio(folio), 0);
	assert_int_equal(mm_nr_free_pages(w->mm), free - 4095);
}

static void a_folio_that_cannot_be_restored_stays_as_surplus(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);

	/* Once more alone, in the hope that somebody freed memory meanwhile. */
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	w->env->injector.alloc_fail_times = 2;
	set_max_huge_pages(h, 7);
	assert_int_equal(h->nr_huge_pages, 8);
	assert_int_equal(h->surplus_huge_pages, 1);
	assert_int_equal(h->max_huge_pages, 7);
	mm_check(w->mm, 0);
	assert_int_equal(w->env->checker.broken_total, 0);
}

/* -- memory failure ------------------------------------------------------------------------ */

static void a_folio_that_is_not_migratable_is_flagged_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 0);

	assert_int_equal(memory_failure(w->env, folio->pfn + 200, 0), -EBUSY);
	assert_string_equal(w->mm->mf.last_type, "get hwpoison page");
	assert_true(folio_test_hwpoison(folio));
	assert_false(PageHWPoison(folio_page(folio, 3)));
	assert_true(is_raw_hwpoison_page_in_hugepage(folio_page(folio, 200)));
	assert_false(is_raw_hwpoison_page_in_hugepage(folio_page(folio, 201)));
	assert_int_equal(folio_ref_count(folio), 512);
	assert_int_equal(memory_failure(w->env, folio->pfn + 200, 0), -EHWPOISON);
	assert_string_equal(w->mm->mf.last_type, "already poisoned page");
	assert_int_equal(memory_failure(w->env, folio->pfn + 201, 0), -EHWPOISON);
	assert_string_equal(w->mm->mf.last_type, "huge page");
	assert_true(is_raw_hwpoison_page_in_hugepage(folio_page(folio, 201)));
	iput(inode);
	/* Poisoned, it stays on the free list and nobody gets it. */
	assert_int_equal(hstate_2m(w)->free_huge_pages, 8);
	expect_all_free(w);
}

static void without_memory_for_the_list_all_pages_count_as_bad(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 0);

	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	memory_failure(w->env, folio->pfn + 200, 0);
	assert_true(folio_test_hpg(folio, HPG_raw_hwp_unreliable));
	assert_true(is_raw_hwpoison_page_in_hugepage(folio_page(folio, 7)));
	iput(inode);
	set_max_huge_pages(hstate_2m(w), 0);
	assert_int_equal(mm_leaks(w->mm)->order, 9);
	expect_all_free(w);
}

static int refuse_nothing(struct address_space *cache, struct folio *folio)
{
	return 0;
}

static const struct address_space_operations hugetlbfs_like = { .error_remove_folio = refuse_nothing };

static void a_migratable_folio_of_a_file_is_recovered_and_stays_in_the_cache(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 0);
	struct folio *pinned = cache_huge(w, inode, hstate_2m(w), 512);

	inode->i_mapping->a_ops = &hugetlbfs_like;
	folio_set_hpg(folio, HPG_migratable);
	folio_set_hpg(pinned, HPG_migratable);
	assert_int_equal(memory_failure(w->env, folio->pfn + 300, MF_SW_SIMULATED), 0);
	assert_string_equal(w->mm->mf.last_type, "huge page");
	assert_false(folio_test_hpg(folio, HPG_migratable));
	assert_int_equal(folio_ref_count(folio), 513);
	assert_ptr_equal(xa_load(&inode->i_mapping->i_pages, 5), folio);
	folio_get_as(pinned, HOLDER_GUP);
	assert_int_equal(memory_failure(w->env, pinned->pfn, MF_SW_SIMULATED), -EBUSY);
	folio_put_as(pinned, HOLDER_GUP);
	iput(inode);
	assert_int_equal(hstate_2m(w)->free_huge_pages, 6);
	mm_check(w->mm, 0);
	assert_int_equal(unpoison_memory(w->env, folio->pfn + 300), -EBUSY);
	assert_int_equal(unpoison_memory(w->env, folio->pfn), 0);
	assert_int_equal(unpoison_memory(w->env, pinned->pfn), 0);
	assert_int_equal(hstate_2m(w)->free_huge_pages, 8);
	assert_int_equal(mm_nr_poisoned_pages(w->mm), 0);
	assert_false(folio_test_hwpoison(folio));
	expect_all_free(w);
}

static void a_migratable_folio_of_no_file_is_dissolved_around_the_bad_page(void **state)
{
	struct world *w = *state;
	struct folio *folio = hugetlb_alloc_folio(hstate_2m(w), false);
	kvm_pfn_t pfn = folio->pfn;

	/* The caller's reference is the last one and is what memory failure drops. */
	folio_set_hpg(folio, HPG_migratable);
	assert_int_equal(memory_failure(w->env, pfn + 300, MF_COUNT_INCREASED), 0);
	assert_int_equal(hstate_2m(w)->nr_huge_pages, 7);
	assert_true(mm_frame_free(w->mm, pfn + 299));
	assert_false(mm_frame_free(w->mm, pfn + 300));
	expect_all_free(w);
}

static void a_poisoned_folio_back_in_its_pool_is_of_use_again_after_unpoison(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, h, 0), *again[8];
	u32 i;

	memory_failure(w->env, folio->pfn + 7, MF_SW_SIMULATED);
	assert_int_equal(unpoison_memory(w->env, folio->pfn + 7), -EBUSY);
	iput(inode);
	for (i = 0; i < 7; i++)
		again[i] = hugetlb_alloc_folio(h, false);
	assert_int_equal(h->free_huge_pages, 1);
	assert_int_equal(PTR_ERR(hugetlb_alloc_folio(h, false)), -ENOSPC);
	assert_int_equal(unpoison_memory(w->env, folio->pfn + 7), -EBUSY);
	assert_int_equal(unpoison_memory(w->env, folio->pfn), 0);
	again[7] = hugetlb_alloc_folio(h, false);
	assert_ptr_equal(again[7], folio);
	for (i = 0; i < 8; i++)
		folio_put(again[i]);
	assert_int_equal(mm_nr_poisoned_pages(w->mm), 0);
	expect_all_free(w);
}

static void what_a_failed_restore_undoes_is_undone_everywhere(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w), *big = hstate_1g(w);
	struct folio *idle = list_entry(h->freelist.next, struct folio, lru);

	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_int_equal(dissolve_free_hugetlb_folio(idle), -ENOMEM);
	assert_int_equal(h->max_huge_pages, 8);
	assert_int_equal(h->free_huge_pages, 8);
	assert_true(folio_test_hugetlb(idle) && folio_test_hpg(idle, HPG_vmemmap_optimized));
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_int_equal(demote_pool_huge_page(big, 1), -ENOMEM);
	assert_int_equal(big->free_huge_pages, 2);
	folio_set_hwpoison(list_entry(big->freelist.next, struct folio, lru));
	folio_set_hwpoison(list_entry(big->freelist.prev, struct folio, lru));
	assert_int_equal(demote_pool_huge_page(big, 1), -EBUSY);
	expect_all_free(w);
}

static void surplus_for_a_reservation_comes_and_goes_with_it(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	u64 free = mm_nr_free_pages(w->mm);

	h->nr_overcommit_huge_pages = 3;
	assert_int_equal(hugetlb_acct_memory(h, 10), 0);
	assert_int_equal(h->surplus_huge_pages, 2);
	assert_int_equal(hugetlb_acct_memory(h, 2), -ENOMEM);
	assert_int_equal(h->surplus_huge_pages, 2);
	hugetlb_acct_memory(h, -10);
	assert_int_equal(h->surplus_huge_pages, 0);
	assert_int_equal(mm_nr_free_pages(w->mm), free);
	expect_all_free(w);
}

static void a_free_huge_page_is_dissolved_and_only_the_bad_page_lost(void **state)
{
	struct world *w = *state;
	struct hstate *h = hstate_2m(w);
	struct folio *folio = list_entry(h->freelist.next, struct folio, lru);
	kvm_pfn_t pfn = folio->pfn;

	assert_int_equal(memory_failure(w->env, pfn + 100, 0), 0);
	assert_string_equal(w->mm->mf.last_type, "free huge page");
	assert_int_equal(h->nr_huge_pages, 7);
	assert_false(mm_frame_free(w->mm, pfn + 100));
	assert_true(mm_frame_free(w->mm, pfn + 101));
	assert_true(mm_frame_free(w->mm, pfn));
	expect_all_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(a_pool_takes_its_pages_at_boot_and_gives_them_back),
		HVO_TEST(a_pool_takes_its_pages_at_boot_and_gives_them_back),
		POOL_TEST(a_folio_goes_out_of_the_pool_with_one_reference_and_back),
		HVO_TEST(a_folio_goes_out_of_the_pool_with_one_reference_and_back),
		POOL_TEST(an_empty_pool_without_overcommit_says_enospc),
		HVO_TEST(an_empty_pool_without_overcommit_says_enospc),
		POOL_TEST(reserved_pages_are_not_for_others),
		POOL_TEST(a_subpool_keeps_its_minimum_reserved),
		HVO_TEST(the_cache_holds_a_reference_a_base_page),
		POOL_TEST(dissolving_needs_a_free_unreserved_folio),
		HVO_TEST(dissolving_needs_a_free_unreserved_folio),
		POOL_TEST(demotion_turns_one_gigabyte_page_into_512_smaller_ones),
		HVO_TEST(demotion_turns_one_gigabyte_page_into_512_smaller_ones),
		HVO_TEST(hvo_frees_7_of_8_and_4095_of_4096),
		HVO_TEST(the_first_64_struct_pages_are_private_and_the_rest_read_only),
		HVO_TEST(restoring_takes_7_pages_or_nothing),
		HVO_TEST(restoring_a_gigabyte_takes_4095_pages_or_nothing),
		HVO_TEST(a_folio_that_cannot_be_restored_stays_as_surplus),
		POOL_TEST(a_folio_that_is_not_migratable_is_flagged_and_nothing_else),
		HVO_TEST(a_folio_that_is_not_migratable_is_flagged_and_nothing_else),
		POOL_TEST(without_memory_for_the_list_all_pages_count_as_bad),
		POOL_TEST(a_migratable_folio_of_a_file_is_recovered_and_stays_in_the_cache),
		HVO_TEST(a_migratable_folio_of_a_file_is_recovered_and_stays_in_the_cache),
		POOL_TEST(a_migratable_folio_of_no_file_is_dissolved_around_the_bad_page),
		HVO_TEST(a_migratable_folio_of_no_file_is_dissolved_around_the_bad_page),
		HVO_TEST(a_poisoned_folio_back_in_its_pool_is_of_use_again_after_unpoison),
		HVO_TEST(what_a_failed_restore_undoes_is_undone_everywhere),
		HVO_TEST(surplus_for_a_reservation_comes_and_goes_with_it),
		POOL_TEST(a_free_huge_page_is_dissolved_and_only_the_bad_page_lost),
		HVO_TEST(a_free_huge_page_is_dissolved_and_only_the_bad_page_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
