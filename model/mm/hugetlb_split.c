// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting a hugetlb folio into plain folios and merging them again, in the
 * page cache and outside: the restructuring of the series "1G page support for
 * guest_memfd", RFC v2 of May 2025 (51 patches). No released kernel has this.
 *
 * While a folio is split a stash, found by pfn, remembers what the pool needs to
 * get it back: subpool, HPG bits, order. A piece that loses its last reference
 * does not go to the buddy; the last of them merges the folio and frees it whole.
 *
 * Reduced: the series marks such pieces with a page type from truncation on;
 * here the stash says the same. Its cgroup charges are not modelled.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"
#include "model/mm/mf_internal.h"

struct hugetlb_stash {
	kvm_pfn_t head_pfn;
	u32 order, piece_order;
	u64 private;
	u64 pages_freed;	/* of pieces that lost their last reference */
	void *subpool;
};

#define ORIGIN_SHIFT	HUGETLB_2M_ORDER

void hugetlb_split_init(struct hugetlb_state *state)
{
	pool_init(&state->stashes, "hugetlb stash", sizeof(struct hugetlb_stash));
}

static struct hugetlb_stash *stash_of(struct mm *mm, kvm_pfn_t pfn)
{
	if (!mm->hugetlb || !mm->hugetlb->nr_split)
		return NULL;
	return xa_load(&mm->hugetlb->split_origin, pfn >> ORIGIN_SHIFT);
}

u32 hugetlb_split_origin(struct mm *mm, kvm_pfn_t pfn, kvm_pfn_t *head_pfn)
{
	const struct hugetlb_stash *stash = stash_of(mm, pfn);

	if (!stash)
		return 0;
	*head_pfn = stash->head_pfn;
	return stash->order;
}

static struct hugetlb_stash *stash_save(struct folio *folio, u32 new_order)
{
	struct mm *mm = mm_of(folio);
	struct hugetlb_state *state = mm->hugetlb;
	u32 order = folio_order(folio);
	struct hugetlb_stash *stash;

	if (inject_alloc(mm->env, "hugetlb-stash"))
		return NULL;
	stash = pool_alloc(&state->stashes);
	*stash = (struct hugetlb_stash){
		.head_pfn = folio->pfn,
		.order = order,
		.piece_order = new_order,
		.private = folio->private,
		.subpool = folio->_hugetlb_subpool,
	};
	if (IS_ERR(xa_store_order(&state->split_origin, folio->pfn >> ORIGIN_SHIFT,
				  order - ORIGIN_SHIFT, stash, GFP_KERNEL))) {
		pool_free(&state->stashes, stash);
		return NULL;
	}
	state->nr_split++;
	return stash;
}

static void stash_drop(struct mm *mm, struct hugetlb_stash *stash)
{
	xa_erase(&mm->hugetlb->split_origin, stash->head_pfn >> ORIGIN_SHIFT);
	mm->hugetlb->nr_split--;
	pool_free(&mm->hugetlb->stashes, stash);
}

/* -- split --------------------------------------------------------------------------------- */

static void plain_page(struct page *page, u64 flags)
{
	page->flags = (page->flags & BIT_ULL(PG_hwpoison)) | flags;
	page->compound_info = 0;
	page->lru_prev = 0;
	page->mapping = NULL;
	page->private = 0;
	page->_mapcount = -1;
}

int hugetlb_split_folio(struct folio *folio, u32 new_order)
{
	struct mm *mm = mm_of(folio);
	u64 flags = folio->flags & BIT_ULL(PG_uptodate), i;
	u32 order = folio_order(folio);
	kvm_pfn_t pfn = folio->pfn, end = pfn + (1ULL << order);

	VM_BUG_ON_FOLIO(folio->_refcount != 0, folio);
	if (hugetlb_vmemmap_restore_folio(folio))
		return -ENOMEM;
	if (!stash_save(folio, new_order)) {
		hugetlb_vmemmap_optimize_folio(folio);
		return -ENOMEM;
	}
	list_del(&folio->lru);
	folio_clear_hugetlb_hwpoison(folio);
	folio->page.page_type = PAGE_TYPE_NONE;
	folio->_flags_1 = 0;
	if (new_order > VMEMMAP_LEAF_SHIFT) {
		/* Few pieces: only their first pages need to exist. */
		clear_compound_page(&folio->page, order);
		for (; pfn < end; pfn += 1ULL << new_order) {
			plain_page(__pfn_to_page(mm, pfn), flags);
			prep_compound_page(__pfn_to_page(mm, pfn), new_order);
		}
		return 0;
	}
	for (; pfn < end; pfn += VMEMMAP_LEAF_PAGES) {
		struct page *page = __pfn_to_page(mm, pfn);

		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
			plain_page(page + i, flags);
		for (i = 0; new_order && i < VMEMMAP_LEAF_PAGES; i += 1ULL << new_order)
			prep_compound_page(page + i, new_order);
	}
	mm->compound_leaves--;
	return 0;
}

/* -- merge ---------------------------------------------------------------------------------- */

/* Every piece was; the pieces' heads are taken apart on the way if they are large. */
static bool pieces_uptodate(struct mm *mm, const struct hugetlb_stash *stash)
{
	kvm_pfn_t pfn = stash->head_pfn, end = pfn + (1ULL << stash->order);
	bool uptodate = true;

	for (; pfn < end; pfn += 1ULL << stash->piece_order) {
		struct page *page = __pfn_to_page(mm, pfn);

		uptodate &= page->flags >> PG_uptodate & 1;
		if (stash->piece_order > VMEMMAP_LEAF_SHIFT)
			clear_compound_page(page, stash->piece_order);
	}
	return uptodate;
}

/* True when all of the leaf is what the tails of a compound page are anyway. */
static bool leaf_forget(struct vmemmap_leaf *leaf)
{
	bool plain = true;
	u32 i;

	for (i = 0; i < VMEMMAP_LEAF_PAGES; i++) {
		struct page *page = &leaf->page[i];

		plain &= !(page->flags & BIT_ULL(PG_hwpoison)) && !page->lock_ref;
		page->flags &= BIT_ULL(PG_hwpoison);
		page->mapping = NULL;
		page->private = 0;
		page->index = 0;
	}
	return plain;
}

/* Poison of single pages goes to the folio's list, as for any hugetlb folio. */
static void collect_poison(struct mm *mm, struct folio *folio)
{
	kvm_pfn_t pfn = folio->pfn, end = pfn + folio_nr_pages(folio);
	struct vmemmap_leaf *leaf;
	u32 i;

	for (; (leaf = vmemmap_next(mm, &pfn, end)); pfn += VMEMMAP_LEAF_PAGES) {
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++) {
			struct page *page = &leaf->page[i];
			struct raw_hwp_page *raw;

			if (!PageHWPoison(page))
				continue;
			raw = pool_alloc(&mm->mf.raw_hwp_pages);
			raw->pfn = page->pfn;
			raw->next = folio->_hugetlb_hwpoison;
			folio->_hugetlb_hwpoison = raw;
			page->flags &= ~BIT_ULL(PG_hwpoison);
		}
	}
	if (folio->_hugetlb_hwpoison)
		folio_set_hwpoison(folio);
}

struct folio *hugetlb_merge_folio(struct page *head)
{
	struct mm *mm = mm_of(head);
	struct hugetlb_stash *stash = stash_of(mm, head->pfn);
	struct folio *folio = (struct folio *)head;
	kvm_pfn_t pfn = head->pfn, end = pfn + (1ULL << stash->order);
	bool uptodate = pieces_uptodate(mm, stash);
	struct vmemmap_leaf *leaf;

	for (; (leaf = vmemmap_next(mm, &pfn, end)); pfn += VMEMMAP_LEAF_PAGES)
		if (leaf_forget(leaf) && pfn != head->pfn)
			vmemmap_drop(mm, pfn >> VMEMMAP_LEAF_SHIFT);
	prep_compound_page(head, stash->order);
	init_new_hugetlb_folio(folio);
	collect_poison(mm, folio);
	folio->private = stash->private;
	folio->_hugetlb_subpool = stash->subpool;
	if (uptodate)
		folio_set_uptodate(folio);
	stash_drop(mm, stash);
	hugetlb_vmemmap_optimize_folio(folio);
	return folio;
}

bool hugetlb_split_piece_put(struct folio *piece)
{
	struct mm *mm = mm_of(piece);
	struct hugetlb_stash *stash = stash_of(mm, piece->pfn);
	struct folio *folio;

	if (!stash)
		return false;
	ledger_check_empty(piece);
	stash->pages_freed += folio_nr_pages(piece);
	if (stash->pages_freed < 1ULL << stash->order)
		return true;
	folio = hugetlb_merge_folio(__pfn_to_page(mm, stash->head_pfn));
	free_huge_folio(folio);
	return true;
}

/* -- in a page cache ------------------------------------------------------------------------ */

/* A frozen folio at its place in the cache, its references the cache's alone. */
static void publish(struct address_space *cache, struct folio *folio, pgoff_t index)
{
	s32 nr = folio_nr_pages(folio);

	folio->mapping = cache;
	folio->index = index;
	folio->_refcount = nr;
	ledger_add(folio, HOLDER_FILEMAP, nr);
}

static void unpublish(struct folio *folio)
{
	s32 nr = folio_nr_pages(folio);

	folio->mapping = NULL;
	folio->_refcount = 0;
	ledger_add(folio, HOLDER_FILEMAP, -nr);
}

static int store_pieces(struct address_space *cache, kvm_pfn_t pfn, pgoff_t index, u64 nr,
			u32 new_order)
{
	struct mm *mm = mm_of(cache);
	u64 step = 1ULL << new_order, i;

	for (i = 0; i < nr; i += step)
		if (IS_ERR(xa_store_order(&cache->i_pages, index + i, new_order,
					  __pfn_to_page(mm, pfn + i), GFP_KERNEL)))
			return -ENOMEM;
	return 0;
}

int filemap_split_hugetlb(struct folio *folio, u32 new_order)
{
	struct mm *mm = mm_of(folio);
	struct address_space *cache = folio->mapping;
	pgoff_t index = folio->index;
	u64 nr = folio_nr_pages(folio), step = 1ULL << new_order, i;
	u32 order = folio_order(folio);
	kvm_pfn_t pfn = folio->pfn;
	int err;

	if (new_order >= order)
		return -EINVAL;
	if (!folio_ref_freeze(folio, nr))
		return -EAGAIN;
	ledger_add(folio, HOLDER_FREEZE, nr);
	ledger_add(folio, HOLDER_FILEMAP, -(s32)nr);
	folio->mapping = NULL;
	xa_erase(&cache->i_pages, index);
	err = hugetlb_split_folio(folio, new_order);
	if (!err) {
		err = store_pieces(cache, pfn, index, nr, new_order);
		if (err)
			folio = hugetlb_merge_folio(__pfn_to_page(mm, pfn));
	}
	if (err) {
		/* Storing over the pieces that got in takes them out. */
		xa_store_order(&cache->i_pages, index, order, folio, __GFP_NOFAIL);
		publish(cache, folio, index);
		return err;
	}
	for (i = 0; i < nr; i += step)
		publish(cache, (struct folio *)__pfn_to_page(mm, pfn + i), index + i);
	return 0;
}

/* How many of the folio's pages are frozen now: all, or up to the first that refuses. */
static u64 freeze_pieces(struct address_space *cache, kvm_pfn_t pfn, pgoff_t index, u64 nr)
{
	struct mm *mm = mm_of(cache);
	u64 i = 0;

	while (i < nr) {
		struct folio *piece = (struct folio *)__pfn_to_page(mm, pfn + i);
		u64 pages = folio_nr_pages(piece);

		if (piece->mapping != cache || piece->index != index + i ||
		    !folio_ref_freeze(piece, pages))
			break;
		i += pages;
	}
	return i;
}

int filemap_merge_hugetlb(struct address_space *cache, pgoff_t index)
{
	struct mm *mm = mm_of(cache);
	struct folio *folio = xa_load(&cache->i_pages, index);
	kvm_pfn_t head;
	u32 order = folio ? hugetlb_split_origin(mm, folio->pfn, &head) : 0;
	u64 nr = 1ULL << order, frozen, i;
	pgoff_t first;

	if (!order)
		return -EINVAL;
	first = folio->index - (folio->pfn - head);
	frozen = freeze_pieces(cache, head, first, nr);
	for (i = 0; i < frozen; ) {
		struct folio *piece = (struct folio *)__pfn_to_page(mm, head + i);

		i += folio_nr_pages(piece);
		folio_ref_unfreeze(piece, folio_nr_pages(piece));
		if (frozen == nr)
			unpublish(piece);
	}
	if (frozen < nr)
		return -EAGAIN;
	folio = hugetlb_merge_folio(__pfn_to_page(mm, head));
	xa_store_order(&cache->i_pages, first, order, folio, __GFP_NOFAIL);
	publish(cache, folio, first);
	return 0;
}
