// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting and merging hugetlb folios in a page cache: guest_memfd's part of the
 * restructuring in "1G page support for guest_memfd", RFC v2 of May 2025 (patch
 * 38 of 51). An entry is taken out with the folio frozen and no hook run, the
 * folio is split or merged (hugetlb_split.c), and the new entries go in.
 *
 * The roll-back of a failure needs memory again in the posted series; here it gets
 * what it needs unless RESTRUCTURE_UNDO_ALLOCATES asks for the series as it was.
 *
 * Reduced: one task does all of it in one go; of a merge that meets a reference no
 * piece stays frozen meanwhile.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"

/*
 * At its place in the cache, with the cache's references. The series keeps pieces
 * frozen until all are in; nobody else runs before that here.
 */
static void settle(struct address_space *cache, struct folio *folio, pgoff_t index)
{
	s32 nr = folio_nr_pages(folio);

	folio->mapping = cache;
	folio->index = index;
	folio->_refcount = nr;
	ledger_add(folio, HOLDER_FILEMAP, nr);
}

static void unsettle(struct folio *folio)
{
	s32 nr = folio_nr_pages(folio);

	folio->mapping = NULL;
	folio->_refcount = 0;
	ledger_add(folio, HOLDER_FILEMAP, -nr);
}

/* On failure the pieces that got in are out of the ledger again, but still in the tree. */
static int store_pieces(struct address_space *cache, kvm_pfn_t pfn, pgoff_t index, u64 nr,
			u32 new_order, u64 flags)
{
	struct mm *mm = mm_of(cache);
	u64 step = 1ULL << new_order, i;

	for (i = 0; i < nr; i += step) {
		struct folio *piece = (struct folio *)__pfn_to_page(mm, pfn + i);

		if (IS_ERR(xa_store_order(&cache->i_pages, index + i, new_order, piece, GFP_KERNEL)))
			break;
		piece->flags |= flags;
		settle(cache, piece, index + i);
	}
	if (i == nr)
		return 0;
	while (i) {
		i -= step;
		unsettle((struct folio *)__pfn_to_page(mm, pfn + i));
	}
	return -ENOMEM;
}

/* In no tree and nobody's any more: the one reference that is left is never put. */
static void lose_folio(struct folio *folio)
{
	WARN_ON_ONCE(env_of(folio), "a folio is in no page cache any more");
	folio->_refcount = 1;
	ledger_add(folio, HOLDER_GMEM, 1);
	mm_leak(&folio->page, folio_order(folio), "restructuring: missing from its page cache");
}

static void erase_pieces(struct address_space *cache, pgoff_t index, u64 nr)
{
	pgoff_t at = index;

	while (xa_find(&cache->i_pages, &at, index + nr - 1))
		xa_erase(&cache->i_pages, at);
}

/* The folio, whole and frozen, back to its place. @undo_gfp: how hard to try. */
static void restore_folio(struct address_space *cache, struct folio *folio, pgoff_t index,
			  gfp_t undo_gfp)
{
	u32 order = folio_order(folio);

	/* Storing over the pieces that got in would take them out, too. */
	if (!(undo_gfp & __GFP_NOFAIL))
		erase_pieces(cache, index, 1ULL << order);
	if (IS_ERR(xa_store_order(&cache->i_pages, index, order, folio, undo_gfp))) {
		lose_folio(folio);
		return;
	}
	settle(cache, folio, index);
}

static gfp_t undo_gfp(u32 flags)
{
	return flags & RESTRUCTURE_UNDO_ALLOCATES ? GFP_KERNEL : __GFP_NOFAIL;
}

int __filemap_split_hugetlb(struct folio *folio, u32 new_order, u32 restructure)
{
	struct mm *mm = mm_of(folio);
	struct address_space *cache = folio->mapping;
	pgoff_t index = folio->index;
	u64 nr = folio_nr_pages(folio), flags = folio->flags & BIT_ULL(PG_uptodate);
	u32 order = folio_order(folio);
	u64 hint = folio->_flags_1 & BIT_ULL(PG_has_hwpoisoned);
	bool whole = folio_test_hugetlb(folio);
	kvm_pfn_t pfn = folio->pfn;
	int err;

	if (new_order >= order || order <= VMEMMAP_LEAF_SHIFT ||
	    (!whole && !hugetlb_stash_of(mm, pfn)))
		return -EINVAL;
	if (!folio_ref_freeze(folio, nr))
		return -EAGAIN;
	ledger_add(folio, HOLDER_FREEZE, nr);
	unsettle(folio);
	xa_erase(&cache->i_pages, index);
	err = hugetlb_split_folio_flags(folio, new_order, 0);
	if (!err) {
		struct hugetlb_pieces_seen seen = { .uptodate = flags };

		err = store_pieces(cache, pfn, index, nr, new_order, flags);
		if (err && whole) {
			hugetlb_merge_pieces(&folio->page, &seen);
		} else if (err) {
			hugetlb_join_pieces(&folio->page, order, &seen);
			folio->_flags_1 |= hint;
		}
	}
	if (err)
		restore_folio(cache, folio, index, undo_gfp(restructure));
	return err;
}

/* In the cache, and nobody but the cache holds it. */
static bool piece_is_free(struct address_space *cache, struct folio *piece, pgoff_t index)
{
	return piece->mapping == cache && piece->index == index &&
	       piece->_refcount == (s32)folio_nr_pages(piece) && !scanner_passes(piece);
}

/* All @nr pages from @head on can be taken, or -EAGAIN. Changes nothing. */
static int check_pieces(struct address_space *cache, kvm_pfn_t head, pgoff_t first, u64 nr,
			struct hugetlb_pieces_seen *seen)
{
	struct mm *mm = mm_of(cache);
	struct folio *piece;
	u64 i;

	for (i = 0; i < nr; i += folio_nr_pages(piece)) {
		piece = (struct folio *)__pfn_to_page(mm, head + i);
		if (!piece_is_free(cache, piece, first + i))
			return -EAGAIN;
		seen->uptodate &= folio_test_uptodate(piece);
		seen->all_plain &= !folio_test_large(piece) && !folio_test_hwpoison(piece) &&
				   !piece->lock_ref;
	}
	return 0;
}

/* Out of the cache's hands. Struct pages that a merge forgets need not be told. */
static void unsettle_pieces(struct mm *mm, kvm_pfn_t head, u64 nr,
			    const struct hugetlb_pieces_seen *seen)
{
	u64 end = seen->all_plain ? VMEMMAP_LEAF_PAGES : nr, i;
	struct folio *piece;

	for (i = 0; i < end; i += folio_nr_pages(piece)) {
		piece = (struct folio *)__pfn_to_page(mm, head + i);
		unsettle(piece);
	}
}

/* The merged folio found no place: back to 4K pieces, for which there may be no memory. */
static void unmerge(struct address_space *cache, struct folio *folio, pgoff_t first)
{
	u64 nr = folio_nr_pages(folio), flags = folio->flags & BIT_ULL(PG_uptodate);
	struct hugetlb_pieces_seen seen = { .uptodate = flags };
	struct mm *mm = mm_of(folio);
	kvm_pfn_t pfn = folio->pfn;

	if (hugetlb_split_folio_flags(folio, 0, 0)) {
		lose_folio(folio);
		return;
	}
	if (store_pieces(cache, pfn, first, nr, 0, flags)) {
		erase_pieces(cache, first, nr);
		lose_folio(hugetlb_merge_pieces(__pfn_to_page(mm, pfn), &seen));
	}
}

int __filemap_merge_hugetlb(struct address_space *cache, pgoff_t index, u32 restructure)
{
	struct mm *mm = mm_of(cache);
	struct folio *folio = xa_load(&cache->i_pages, index);
	kvm_pfn_t head;
	u32 order = folio ? hugetlb_split_origin(mm, folio->pfn, &head) : 0;
	struct hugetlb_pieces_seen seen = { .uptodate = true, .all_plain = true };
	gfp_t gfp = undo_gfp(restructure);
	pgoff_t first;

	if (!order)
		return -EINVAL;
	first = folio->index - (folio->pfn - head);
	if (check_pieces(cache, head, first, 1ULL << order, &seen))
		return -EAGAIN;
	unsettle_pieces(mm, head, 1ULL << order, &seen);
	if (!(gfp & __GFP_NOFAIL))
		erase_pieces(cache, first, 1ULL << order);
	folio = hugetlb_merge_pieces(__pfn_to_page(mm, head), &seen);
	if (IS_ERR(xa_store_order(&cache->i_pages, first, order, folio, gfp))) {
		unmerge(cache, folio, first);
		return -ENOMEM;
	}
	settle(cache, folio, first);
	return 0;
}
