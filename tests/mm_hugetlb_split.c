// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting and merging hugetlb folios in a page cache, against the guest_memfd
 * series of May 2025.
 */
#include "tests/mm_hugetlb_common.h"

static void a_gigabyte_folio_is_split_and_merged_in_the_cache(void **state)
{
	static const u32 orders[] = { 0, 9, 3, 6 };
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_1g(w), 1 << 18);
	u64 saved = w->mm->hugetlb->vmemmap_saved, i;
	kvm_pfn_t pfn = folio->pfn;
	u32 k;

	for (k = 0; k < ARRAY_SIZE(orders); k++) {
		u64 n = 1ULL << orders[k];

		assert_int_equal(filemap_split_hugetlb(folio, orders[k]), 0);
		assert_int_equal(w->mm->hugetlb->vmemmap_saved, w->mm->config.hvo ? saved - 4095 : 0);
		for (i = 0; i < 1 << 18; i += 511) {
			struct folio *piece = xa_load(&inode->i_mapping->i_pages, (1 << 18) + i);

			assert_int_equal(piece->pfn, pfn + ALIGN_DOWN(i, n));
			assert_int_equal(folio_order(piece), orders[k]);
			assert_int_equal(folio_ref_count(piece), n);
			assert_false(folio_test_hugetlb(piece));
			assert_true(folio_test_uptodate(piece));
		}
		mm_check(w->mm, 1 << 18);
		assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, (1 << 18) + 12345), 0);
		assert_int_equal(folio_order(folio), 18);
		assert_int_equal(folio_ref_count(folio), 1 << 18);
		assert_true(folio_test_hugetlb(folio) && folio_test_uptodate(folio));
		assert_int_equal(w->mm->hugetlb->vmemmap_saved, saved);
		mm_check(w->mm, 1 << 18);
	}
	assert_int_equal(w->env->checker.broken_total, 0);
	iput(inode);
	assert_int_equal(hstate_1g(w)->free_huge_pages, 2);
	expect_all_free(w);
}

static void a_piece_of_a_split_folio_can_be_split_again_and_all_is_merged_at_once(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_1g(w), 0), *piece;
	struct xarray *pages = &inode->i_mapping->i_pages;
	kvm_pfn_t pfn = folio->pfn;
	u32 nth;

	assert_int_equal(filemap_split_hugetlb(folio, 9), 0);
	piece = xa_load(pages, 512 * 7);
	for (nth = 1; ; nth++) {
		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		if (!filemap_split_hugetlb(piece, 0))
			break;
		assert_int_equal(folio_order(piece), 9);
		assert_int_equal(folio_ref_count(piece), 512);
		assert_true(folio_test_uptodate(piece));
		assert_int_equal(xa_get_order(pages, 512 * 7 + 5), 9);
		mm_check(w->mm, 1 << 18);
	}
	assert_int_equal(nth, 8 + 1);
	assert_int_equal(filemap_split_hugetlb(xa_load(pages, 512 * 7), 0), -EINVAL);
	assert_int_equal(((struct folio *)xa_load(pages, 512 * 7 + 5))->pfn, pfn + 512 * 7 + 5);
	assert_int_equal(folio_order(xa_load(pages, 512 * 8 + 5)), 9);
	assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, 0), 0);
	assert_int_equal(folio_order(folio), 18);
	assert_true(folio_test_uptodate(folio));
	mm_check(w->mm, 1 << 18);
	assert_int_equal(w->env->checker.broken_total, 0);
	iput(inode);
	expect_all_free(w);
}

static void the_513th_reference_refuses_split_and_merge(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 0), *piece;

	folio_get_as(folio, HOLDER_SEPT_PIN);
	assert_int_equal(folio_ref_count(folio), 513);
	assert_int_equal(filemap_split_hugetlb(folio, 0), -EAGAIN);
	folio_put_as(folio, HOLDER_SEPT_PIN);
	assert_int_equal(filemap_split_hugetlb(folio, 0), 0);
	piece = xa_load(&inode->i_mapping->i_pages, 300);
	folio_get_as(piece, HOLDER_GUP);
	assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, 0), -EAGAIN);
	mm_check(w->mm, 512);
	folio_put_as(piece, HOLDER_GUP);
	assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, 511), 0);
	assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, 511), -EINVAL);
	iput(inode);
	expect_all_free(w);
}

static void each_allocation_of_a_split_can_fail_and_the_folio_stays_whole(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 512);
	u64 saved = w->mm->hugetlb->vmemmap_saved;
	u32 nth;

	for (nth = 1; ; nth++) {
		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		if (!filemap_split_hugetlb(folio, 0))
			break;
		assert_int_equal(folio_order(folio), 9);
		assert_int_equal(folio_ref_count(folio), 512);
		assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 700), 9);
		assert_int_equal(w->mm->hugetlb->vmemmap_saved, saved);
		mm_check(w->mm, 512);
		assert_int_equal(w->env->checker.broken_total, 0);
	}
	/* HVO undone, the stash and its tree nodes, eight nodes of the cache and their root. */
	assert_int_equal(nth, w->mm->config.hvo + 1 + (folio->pfn >> 9 < 64 ? 1 : 2) + 9 + 1);
	iput(inode);
	expect_all_free(w);
}

static void pieces_freed_one_by_one_come_back_to_the_pool_as_one(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 0), *held;
	u64 free = mm_nr_free_pages(w->mm);

	assert_int_equal(filemap_split_hugetlb(folio, 0), 0);
	held = xa_load(&inode->i_mapping->i_pages, 77);
	folio_get_as(held, HOLDER_GUP);
	iput(inode);
	assert_int_equal(hstate_2m(w)->free_huge_pages, 7);
	assert_int_equal(mm_nr_in_use(w->mm), 512);
	folio_put_as(held, HOLDER_GUP);
	assert_int_equal(hstate_2m(w)->free_huge_pages, 8);
	assert_int_equal(mm_nr_free_pages(w->mm), free);
	expect_all_free(w);
}

static void poison_of_a_piece_is_known_after_the_merge(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 0);

	assert_int_equal(filemap_split_hugetlb(folio, 0), 0);
	SetPageHWPoison(pfn_to_page(w->env, folio->pfn + 99));
	assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, 0), 0);
	assert_true(folio_test_hwpoison(folio));
	assert_true(is_raw_hwpoison_page_in_hugepage(folio_page(folio, 99)));
	assert_false(is_raw_hwpoison_page_in_hugepage(folio_page(folio, 98)));
	assert_int_equal(filemap_split_hugetlb(folio, 0), 0);
	assert_true(PageHWPoison(pfn_to_page(w->env, folio->pfn + 99)));
	assert_false(PageHWPoison(pfn_to_page(w->env, folio->pfn)));
	assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, 0), 0);
	iput(inode);
	expect_all_free(w);
}

/* Page 1 has flags of the folio beside its own. */
static void poison_of_each_of_the_first_pages_survives_split_and_merge(void **state)
{
	struct world *w = *state;
	struct inode *inode = hugetlb_inode(w);
	struct folio *folio = cache_huge(w, inode, hstate_2m(w), 0);
	kvm_pfn_t pfn = folio->pfn;
	u32 i, k;

	for (i = 0; i < 4; i++) {
		folio_set_hugetlb_hwpoison(folio, folio_page(folio, i));
		assert_int_equal(filemap_split_hugetlb(folio, 0), 0);
		for (k = 0; k < 4; k++)
			assert_int_equal(PageHWPoison(pfn_to_page(w->env, pfn + k)), k == i);
		assert_int_equal(filemap_merge_hugetlb(inode->i_mapping, 0), 0);
		assert_true(is_raw_hwpoison_page_in_hugepage(folio_page(folio, i)));
		folio_clear_hugetlb_hwpoison(folio);
		ClearPageHWPoison(pfn_to_page(w->env, pfn + i));
	}
	iput(inode);
	expect_all_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(a_gigabyte_folio_is_split_and_merged_in_the_cache),
		HVO_TEST(a_gigabyte_folio_is_split_and_merged_in_the_cache),
		POOL_TEST(a_piece_of_a_split_folio_can_be_split_again_and_all_is_merged_at_once),
		HVO_TEST(a_piece_of_a_split_folio_can_be_split_again_and_all_is_merged_at_once),
		HVO_TEST(the_513th_reference_refuses_split_and_merge),
		POOL_TEST(each_allocation_of_a_split_can_fail_and_the_folio_stays_whole),
		HVO_TEST(each_allocation_of_a_split_can_fail_and_the_folio_stays_whole),
		POOL_TEST(pieces_freed_one_by_one_come_back_to_the_pool_as_one),
		HVO_TEST(pieces_freed_one_by_one_come_back_to_the_pool_as_one),
		HVO_TEST(poison_of_a_piece_is_known_after_the_merge),
		POOL_TEST(poison_of_a_piece_is_known_after_the_merge),
		POOL_TEST(poison_of_each_of_the_first_pages_survives_split_and_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
