// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting of large folios, against __folio_split() and truncation of Linux
 * 7.3.4.
 */
#include "model/mm/huge_memory.h"
#include "tests/mm_common.h"

static struct inode *large_inode(struct world *w, u32 order)
{
	struct inode *inode = new_inode(w->env, "file");

	inode->i_size = 4096ULL << PAGE_SHIFT;
	mapping_set_folio_order_range(inode->i_mapping, 0, order);
	return inode;
}

/* Locked, with one reference of the caller's. */
static struct folio *create(struct inode *inode, pgoff_t index, u32 order)
{
	struct folio *folio = __filemap_get_folio(inode->i_mapping, index,
						  FGP_LOCK | FGP_CREAT | FGP_ORDER(order), GFP_KERNEL);

	assert_false(IS_ERR(folio));
	assert_int_equal(folio_order(folio), order);
	folio_mark_uptodate(folio);
	return folio;
}

static void a_large_folio_has_a_reference_a_page_and_no_batch(void **state)
{
	struct world *w = *state;
	struct inode *inode = large_inode(w, 9);
	struct folio *folio = create(inode, 512, 9);

	assert_int_equal(folio_ref_count(folio), 513);
	assert_true(folio_test_lru(folio));
	assert_int_equal(holders(w, folio, HOLDER_LRU_BATCH), 0);
	assert_ptr_equal(filemap_get_entry(inode->i_mapping, 1000), folio);
	folio_put(folio);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void a_uniform_split_leaves_lock_and_reference_on_the_named_piece(void **state)
{
	struct world *w = *state;
	u32 old_order, new_order;

	for (old_order = 1; old_order <= 9; old_order++) {
		for (new_order = 0; new_order < old_order; new_order++) {
			struct inode *inode = large_inode(w, old_order);
			pgoff_t base = 1ULL << old_order, i;
			struct folio *folio = create(inode, base, old_order);
			u64 n = 1ULL << new_order, at = base - 1;
			kvm_pfn_t pfn = folio->pfn;
			struct folio *keep;

			assert_int_equal(split_huge_page_to_order(folio_page(folio, at), new_order), 0);
			keep = page_folio(pfn_to_page(w->env, pfn + at));
			assert_true(folio_test_locked(keep));
			for (i = 0; i < base; i += n) {
				struct folio *piece = xa_load(&inode->i_mapping->i_pages, base + i + n / 2);

				assert_int_equal(piece->pfn, pfn + i);
				assert_int_equal(folio_order(piece), new_order);
				assert_int_equal(piece->index, base + i);
				assert_true(folio_test_uptodate(piece) && folio_test_lru(piece));
				assert_int_equal(folio_ref_count(piece), n + (piece == keep));
				assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, base + i),
						 new_order);
			}
			mm_check(w->mm, ~0ULL);
			assert_int_equal(w->env->checker.broken_total, 0);
			folio_unlock(keep);
			folio_put(keep);
			iput(inode);
			expect_all_free(w);
		}
	}
}

static void one_unknown_reference_refuses_the_split_and_changes_nothing(void **state)
{
	static const enum holder strangers[] = {
		HOLDER_GUP, HOLDER_SCAN, HOLDER_ISOLATE, HOLDER_SEPT_PIN, HOLDER_MEM_FAIL,
	};
	struct world *w = *state;
	struct inode *inode = large_inode(w, 9);
	struct folio *folio = create(inode, 0, 9);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(strangers); i++) {
		folio_get_as(folio, strangers[i]);
		assert_int_equal(split_huge_page_to_order(&folio->page, 0), -EAGAIN);
		assert_int_equal(folio_order(folio), 9);
		assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 77), 9);
		assert_int_equal(folio_ref_count(folio), 514);
		folio_put_as(folio, strangers[i]);
	}
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), 0);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void a_missing_reference_refuses_the_split_too(void **state)
{
	struct world *w = *state;
	struct inode *inode = large_inode(w, 4);
	struct folio *folio = create(inode, 0, 4);

	folio->_refcount--;
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), -EAGAIN);
	folio->_refcount++;
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void splits_that_make_no_sense_have_the_kernels_errno(void **state)
{
	struct world *w = *state;
	struct inode *inode = large_inode(w, 4);
	struct folio *folio = create(inode, 0, 4);

	assert_int_equal(split_huge_page_to_order(&folio->page, 4), -EINVAL);
	folio_set_writeback(folio);
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), -EBUSY);
	folio_clear_writeback(folio);
	mapping_set_folio_order_range(inode->i_mapping, 2, 4);
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), -EINVAL);
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	mapping_set_folio_order_range(inode->i_mapping, 0, 4);
	filemap_remove_folio(folio);
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), -EBUSY);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void a_non_uniform_split_halves_towards_the_page(void **state)
{
	struct world *w = *state;
	struct inode *inode = large_inode(w, 9);
	struct folio *folio = create(inode, 0, 9);

	assert_int_equal(folio_split(folio, 0, folio_page(folio, 300)), 0);
	/* 0-255 256-287 288-295 296-299 300 301 302-303 304-319 320-383 384-511 */
	assert_int_equal(folio_order(folio), 8);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 300), 0);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 302), 1);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 296), 2);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 288), 3);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 304), 4);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 256), 5);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 320), 6);
	assert_int_equal(xa_get_order(&inode->i_mapping->i_pages, 384), 7);
	mm_check(w->mm, ~0ULL);
	assert_int_equal(w->env->checker.broken_total, 0);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void pieces_beyond_the_end_of_the_file_are_dropped(void **state)
{
	struct world *w = *state;
	struct inode *inode = large_inode(w, 4);
	struct folio *folio = create(inode, 0, 4);

	inode->i_size = 10 << PAGE_SHIFT;
	assert_int_equal(split_huge_page_to_order(&folio->page, 0), 0);
	assert_int_equal(inode->i_mapping->nrpages, 10);
	assert_int_equal(mm_nr_in_use(w->mm), 10);
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
	expect_all_free(w);
}

static void truncating_part_of_a_large_folio_splits_it_at_the_edges(void **state)
{
	struct world *w = *state;
	u64 from, to;

	for (from = 0; from < 16; from += 3) {
		for (to = from; to < 16; to += 2) {
			struct inode *inode = large_inode(w, 4);
			struct folio *folio = create(inode, 16, 4);
			u64 i;

			folio_unlock(folio);
			folio_put(folio);
			truncate_inode_pages_range(inode->i_mapping, (16 + from) << PAGE_SHIFT,
						   ((16 + to + 1) << PAGE_SHIFT) - 1);
			for (i = 0; i < 16; i++)
				assert_int_equal(!xa_load(&inode->i_mapping->i_pages, 16 + i),
						 i >= from && i <= to);
			assert_int_equal(inode->i_mapping->nrpages, 16 - (to - from + 1));
			iput(inode);
			expect_all_free(w);
		}
	}
}

static void truncation_drops_a_clean_folio_it_cannot_split_and_keeps_a_dirty_one(void **state)
{
	struct world *w = *state;
	struct inode *inode = large_inode(w, 4);
	struct folio *clean = create(inode, 16, 4), *dirty = create(inode, 32, 4);

	folio_unlock(clean);
	folio_unlock(dirty);
	folio_set_dirty(dirty);
	truncate_inode_pages_range(inode->i_mapping, 20 << PAGE_SHIFT, (24 << PAGE_SHIFT) - 1);
	truncate_inode_pages_range(inode->i_mapping, 36 << PAGE_SHIFT, (40 << PAGE_SHIFT) - 1);
	assert_null(xa_load(&inode->i_mapping->i_pages, 16));
	assert_ptr_equal(xa_load(&inode->i_mapping->i_pages, 38), dirty);
	folio_put(clean);
	folio_put(dirty);
	iput(inode);
	expect_all_free(w);
}

static void the_poison_of_a_large_folio_goes_to_the_piece_that_has_it(void **state)
{
	struct world *w = *state;
	struct inode *inode = large_inode(w, 9);
	struct folio *folio = create(inode, 0, 9);
	u64 i;

	SetPageHWPoison(folio_page(folio, 300));
	folio->_flags_1 |= BIT_ULL(PG_has_hwpoisoned);
	assert_int_equal(split_huge_page_to_order(&folio->page, 6), 0);
	for (i = 0; i < 512; i += 64) {
		struct folio *piece = xa_load(&inode->i_mapping->i_pages, i);

		assert_int_equal(folio_test_has_hwpoisoned(piece), i == 256);
	}
	folio_unlock(folio);
	folio_put(folio);
	iput(inode);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_large_folio_has_a_reference_a_page_and_no_batch),
		WORLD_TEST(a_uniform_split_leaves_lock_and_reference_on_the_named_piece),
		WORLD_TEST(one_unknown_reference_refuses_the_split_and_changes_nothing),
		WORLD_TEST(a_missing_reference_refuses_the_split_too),
		WORLD_TEST(splits_that_make_no_sense_have_the_kernels_errno),
		WORLD_TEST(a_non_uniform_split_halves_towards_the_page),
		WORLD_TEST(pieces_beyond_the_end_of_the_file_are_dropped),
		WORLD_TEST(truncating_part_of_a_large_folio_splits_it_at_the_edges),
		WORLD_TEST(truncation_drops_a_clean_folio_it_cannot_split_and_keeps_a_dirty_one),
		WORLD_TEST(the_poison_of_a_large_folio_goes_to_the_piece_that_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
