// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting a large file folio: __folio_split() and its helpers in
 * mm/huge_memory.c of Linux 7.3.4. Whoever holds a reference that nobody can
 * explain makes the freeze fail, and with it the split.
 *
 * Left out: anonymous memory (anon_vma, swap cache, migration entries), deferred
 * split, memcg, folio_split_unmapped(). New pieces are born unlocked: the kernel
 * keeps them locked from the unfreeze until it unlocks and puts them, with
 * nothing in between that a lock holder could tell.
 *
 * guest_memfd never gets here: 7.3.4 asks for small folios only, and the large ones
 * of the series are hugetlb's, split in hugetlb_split.c. Who does is a memfd or a
 * file on a disk whose folios are large.
 */
#include "model/mm/huge_memory.h"
#include "model/mm/internal.h"

u32 min_order_for_split(const struct folio *folio)
{
	return folio->mapping ? mapping_min_folio_order(folio->mapping) : 0;
}

static int folio_check_splittable(const struct folio *folio)
{
	/* No test for hugetlb: callers keep those away. */
	if (!folio->mapping || folio_test_writeback(folio))
		return -EBUSY;
	return 0;
}

/* What a piece takes over from the folio it was part of. */
#define SPLIT_COPIED_FLAGS \
	(BIT_ULL(PG_referenced) | BIT_ULL(PG_swapbacked) | BIT_ULL(PG_mlocked) | \
	 BIT_ULL(PG_uptodate) | BIT_ULL(PG_active) | BIT_ULL(PG_workingset) | \
	 BIT_ULL(PG_unevictable) | BIT_ULL(PG_arch_1) | BIT_ULL(PG_dirty) | \
	 BIT_ULL(PG_dropbehind) | BIT_ULL(PG_lru))

static bool page_range_has_hwpoisoned(struct folio *folio)
{
	u64 i;

	for (i = 0; i < folio_nr_pages(folio); i++)
		if (PageHWPoison(folio_page(folio, i)))
			return true;
	return false;
}

static void split_new_head(struct folio *folio, struct page *page, u64 offset, u32 new_order)
{
	page_store(page, "__split_folio_to_order");
	VM_WARN_ON_ONCE(env_of(page), offset > 3 && page->private);
	page->flags &= ~PAGE_FLAGS_CHECK_AT_PREP;
	page->flags |= folio->flags & SPLIT_COPIED_FLAGS;
	page->mapping = folio->mapping;
	page->index = folio->index + offset;
	page->private = 0;
	page->_mapcount = -1;
	clear_compound_head(page);
	page->lru_prev = 0;
	if (new_order)
		prep_compound_page(page, new_order);
	if (new_order)
		((struct folio *)page)->_flags_1 |= BIT_ULL(PG_large_rmappable);
}

/* Frozen folio of @old_order: cut into pieces of @new_order, all still frozen. */
static void __split_folio_to_order(struct folio *folio, u32 old_order, u32 new_order)
{
	struct mm *mm = mm_of(folio);
	u64 old_nr = 1ULL << old_order, new_nr = 1ULL << new_order, i;
	bool poisoned = folio_test_has_hwpoisoned(folio);

	folio->_flags_1 &= ~BIT_ULL(PG_has_hwpoisoned);
	for (i = new_nr; i < old_nr; i += new_nr)
		split_new_head(folio, folio_page(folio, i), i, new_order);
	if (old_order > VMEMMAP_LEAF_SHIFT && new_order <= VMEMMAP_LEAF_SHIFT)
		mm->compound_leaves--;
	if (new_order)
		folio->_flags_1 = (folio->_flags_1 & ~0xffULL) | new_order;
	else
		folio->flags &= ~BIT_ULL(PG_head);
	if (!poisoned || !new_order)
		return;
	for (i = 0; i < old_nr; i += new_nr) {
		struct folio *piece = (struct folio *)__pfn_to_page(mm, folio->pfn + i);

		if (page_range_has_hwpoisoned(piece))
			piece->_flags_1 |= BIT_ULL(PG_has_hwpoisoned);
	}
}

/* Step by step towards @split_at, or all at once. The tree is split first. */
static int __split_unmapped_folio(struct folio *folio, u32 new_order, const struct page *split_at,
				  bool uniform)
{
	struct xarray *xa = &folio->mapping->i_pages;
	u32 order = folio_order(folio);
	int err;

	if (uniform) {
		__split_folio_to_order(folio, order, new_order);
		return 0;
	}
	while (order > new_order) {
		struct folio *piece = page_folio(split_at);

		err = xa_split(xa, piece->index, order, order - 1, GFP_NOWAIT);
		if (err)
			return err;
		__split_folio_to_order(piece, order, order - 1);
		order--;
	}
	return 0;
}

/* Unfreeze a piece other than the first and give it its place in the cache. */
static void split_publish(struct folio *piece, struct address_space *mapping, pgoff_t end,
			  enum holder holder)
{
	s32 nr = folio_nr_pages(piece);

	ledger_add(piece, HOLDER_FILEMAP, nr);
	ledger_add(piece, holder, 1);
	folio_ref_unfreeze(piece, nr + 1);
	xa_store_order(&mapping->i_pages, piece->index, folio_order(piece), piece, __GFP_NOFAIL);
	if (piece->index < end)
		return;
	/* Beyond the end of the file: it is truncated on the way. */
	__filemap_remove_folio(piece);
	folio_put_refs_as(piece, nr, HOLDER_FILEMAP);
}

/* Pieces after the first in address order; the first last, so no stale slot is seen. */
static void split_unfreeze(struct folio *folio, u64 old_nr, pgoff_t end, struct folio *keep)
{
	struct mm *mm = mm_of(folio);
	struct address_space *cache = folio->mapping;
	kvm_pfn_t pfn = folio->pfn + folio_nr_pages(folio), stop = folio->pfn + old_nr;
	s32 gone = old_nr - folio_nr_pages(folio);

	while (pfn < stop) {
		struct folio *piece = (struct folio *)__pfn_to_page(mm, pfn);

		pfn += folio_nr_pages(piece);
		split_publish(piece, cache, end, piece == keep ? HOLDER_LOOKUP : HOLDER_SPLIT);
	}
	ledger_add(folio, HOLDER_FILEMAP, -gone);
	if (keep != folio)
		ledger_move(folio, HOLDER_LOOKUP, HOLDER_SPLIT, 1);
	xa_store_order(&cache->i_pages, folio->index, folio_order(folio), folio, __GFP_NOFAIL);
	folio_ref_unfreeze(folio, folio_nr_pages(folio) + 1);
}

/* Lock and reference end on @keep; the extra reference of all others goes. */
static void split_let_go(struct folio *folio, u64 old_nr, struct folio *keep)
{
	struct mm *mm = mm_of(folio);
	kvm_pfn_t pfn = folio->pfn, stop = pfn + old_nr;

	if (keep != folio) {
		folio_lock(keep);
		folio_unlock(folio);
	}
	while (pfn < stop) {
		struct folio *piece = (struct folio *)__pfn_to_page(mm, pfn);

		pfn += folio_nr_pages(piece);
		if (piece != keep)
			folio_put_as(piece, HOLDER_SPLIT);
	}
}

static bool split_freeze(struct folio *folio)
{
	s32 expected = folio_nr_pages(folio) + 1;

	if (xa_load(&folio->mapping->i_pages, folio->index) != folio)
		return false;
	return folio_ref_freeze(folio, expected);
}

static int __folio_split(struct folio *folio, u32 new_order, struct page *split_at,
			 const struct page *lock_at, bool uniform)
{
	struct address_space *cache = folio->mapping;
	u32 order = folio_order(folio);
	pgoff_t end;
	int err;

	if (page_folio(split_at) != folio || page_folio(lock_at) != folio || new_order >= order)
		return -EINVAL;
	err = folio_check_splittable(folio);
	if (err)
		return err;
	if (new_order < mapping_min_folio_order(cache))
		return -EINVAL;
	/* Allocated here; a failure below puts the single entry back. */
	if (uniform)
		err = xa_split(&cache->i_pages, folio->index, order, new_order, GFP_KERNEL);
	if (err)
		return err;
	down_read(&cache->i_mmap_rwsem);
	end = (cache->host->i_size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	err = -EAGAIN;
	if (folio_expected_ref_count(folio) == folio_ref_count(folio) - 1) {
		unmap_folio_locked(folio);
		if (split_freeze(folio))
			err = 0;
	}
	if (err) {
		if (uniform)
			xa_store_order(&cache->i_pages, folio->index, order, folio, __GFP_NOFAIL);
		up_read(&cache->i_mmap_rwsem);
		return err;
	}
	err = __split_unmapped_folio(folio, new_order, split_at, uniform);
	split_unfreeze(folio, 1ULL << order, end, page_folio(lock_at));
	up_read(&cache->i_mmap_rwsem);
	split_let_go(folio, 1ULL << order, page_folio(lock_at));
	return err;
}

int split_huge_page_to_order(struct page *page, u32 new_order)
{
	return __folio_split(page_folio(page), new_order, page, page, true);
}

int folio_split(struct folio *folio, u32 new_order, struct page *split_at)
{
	return __folio_split(folio, new_order, split_at, &folio->page, false);
}

bool truncate_split_folio(struct folio *folio, u64 start, u64 end)
{
	struct address_space *cache = folio->mapping;
	u64 pos = folio->index << PAGE_SHIFT, size = folio_nr_pages(folio) << PAGE_SHIFT;
	u64 offset = start > pos ? start - pos : 0;
	u64 length = (end < pos + size - 1 ? end + 1 : pos + size) - pos - offset;
	u32 min_order = mapping_min_folio_order(cache);
	struct mm *mm = mm_of(folio);
	kvm_pfn_t pfn = folio->pfn;
	struct page *split_at = folio_page(folio, ALIGN_DOWN(offset, PAGE_SIZE << min_order)
					   >> PAGE_SHIFT);

	if (folio_split(folio, min_order, split_at)) {
		/* Not in pieces: nobody shall see the stale part, and clean data can be read again. */
		if (!cache->is_shmem)
			unmap_mapping_folio(folio);
		if (folio_test_dirty(folio))
			return false;
		truncate_inode_folio(cache, folio);
		return true;
	}
	if (offset + length < size) {
		u64 at = ALIGN_DOWN(offset + length, PAGE_SIZE << min_order) >> PAGE_SHIFT;
		struct page *page = __pfn_to_page(mm, pfn + at);
		struct folio *second = page_folio(page);

		if (second != folio && folio_test_large(second) && folio_try_get(second)) {
			if (folio_trylock(second)) {
				if (second->mapping == cache)
					folio_split(second, min_order, page);
				folio_unlock(second);
			}
			folio_put(second);
		}
	}
	/* The pieces that lie wholly in the range are left to the blocking pass. */
	return true;
}
