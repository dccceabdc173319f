// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting a hugetlb folio into plain folios and merging them again, outside of
 * any page cache (in one: hugetlb_filemap.c): the restructuring of the series "1G
 * page support for guest_memfd", RFC v2 of May 2025 (51 patches). No released
 * kernel has this.
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

#define ORIGIN_SHIFT	HUGETLB_2M_ORDER

void hugetlb_split_init(struct hugetlb_state *state)
{
	pool_init(&state->stashes, "hugetlb stash", sizeof(struct hugetlb_stash));
}

struct hugetlb_stash *hugetlb_stash_of(struct mm *mm, kvm_pfn_t pfn)
{
	if (!mm->hugetlb || !mm->hugetlb->nr_split)
		return NULL;
	return xa_load(&mm->hugetlb->split_origin, pfn >> ORIGIN_SHIFT);
}

u32 hugetlb_split_origin(struct mm *mm, kvm_pfn_t pfn, kvm_pfn_t *head_pfn)
{
	const struct hugetlb_stash *stash = hugetlb_stash_of(mm, pfn);

	if (!stash)
		return 0;
	*head_pfn = stash->head_pfn;
	return stash->order;
}

static struct hugetlb_stash *stash_save(struct folio *folio)
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

/*
 * Pieces not larger than a leaf. Leaves that nobody looked at are born as plain
 * pages now; they are made here only if that is not all there is to do.
 */
static void split_small(struct mm *mm, kvm_pfn_t pfn, kvm_pfn_t end, u64 flags, u32 new_order)
{
	kvm_pfn_t at = pfn;
	struct vmemmap_leaf *leaf;
	u32 i;

	for (; (leaf = vmemmap_next(mm, &at, end)); at += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
			plain_page(&leaf->page[i], 0);
	if (!new_order && !flags)
		return;
	for (; pfn < end; pfn += VMEMMAP_LEAF_PAGES) {
		struct page *page = __pfn_to_page(mm, pfn);

		for (i = 0; i < VMEMMAP_LEAF_PAGES; i += 1u << new_order) {
			page[i].flags |= flags;
			if (new_order)
				prep_compound_page(page + i, new_order);
		}
	}
}

/* What makes it a hugetlb folio is put aside. 0 or -ENOMEM. */
static int leave_hugetlb(struct folio *folio)
{
	if (hugetlb_vmemmap_restore_folio(folio))
		return -ENOMEM;
	if (!stash_save(folio)) {
		hugetlb_vmemmap_optimize_folio(folio);
		return -ENOMEM;
	}
	list_del(&folio->lru);
	folio_clear_hugetlb_hwpoison(folio);
	folio->page.page_type = PAGE_TYPE_NONE;
	return 0;
}

/*
 * Which of its pages are bad nobody knows any more: all of them may be. A piece of
 * an earlier split says so by its head alone, one with single bad pages by a hint.
 */
static bool poisoned_as_a_whole(const struct folio *folio)
{
	if (folio_test_hugetlb(folio))
		return folio_test_hpg(folio, HPG_raw_hwp_unreliable);
	return folio_test_hwpoison(folio) && !folio_test_has_hwpoisoned(folio);
}

/* The hint, for a large piece that got a poisoned page. */
static void hint_poison(struct mm *mm, kvm_pfn_t pfn, u32 order)
{
	kvm_pfn_t end = pfn + (1ULL << order), at = pfn;
	struct vmemmap_leaf *leaf;
	u64 any = 0;
	u32 i;

	for (; (leaf = vmemmap_next(mm, &at, end)); at += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
			any |= leaf->page[i].flags;
	if (any & BIT_ULL(PG_hwpoison))
		((struct folio *)__pfn_to_page(mm, pfn))->_flags_1 |= BIT_ULL(PG_has_hwpoisoned);
}

int hugetlb_split_folio_flags(struct folio *folio, u32 new_order, u64 flags)
{
	struct mm *mm = mm_of(folio);
	u32 order = folio_order(folio);
	kvm_pfn_t pfn = folio->pfn, end = pfn + (1ULL << order);
	bool hint = folio_contain_hwpoisoned_page(folio);

	VM_BUG_ON_FOLIO(folio->_refcount != 0, folio);
	if (poisoned_as_a_whole(folio)) {
		flags |= BIT_ULL(PG_hwpoison);
		hint = false;
	}
	/* A piece of an earlier split has nothing of hugetlb left. */
	if (folio_test_hugetlb(folio) && leave_hugetlb(folio))
		return -ENOMEM;
	folio->_flags_1 &= ~PAGE_FLAGS_SECOND;
	folio->flags &= ~BIT_ULL(PG_head);
	mm->compound_leaves--;
	if (new_order <= VMEMMAP_LEAF_SHIFT) {
		split_small(mm, pfn, end, flags, new_order);
		return 0;
	}
	for (; pfn < end; pfn += 1ULL << new_order) {
		plain_page(__pfn_to_page(mm, pfn), flags);
		prep_compound_page(__pfn_to_page(mm, pfn), new_order);
		if (hint)
			hint_poison(mm, pfn, new_order);
	}
	return 0;
}

/* -- merge ---------------------------------------------------------------------------------- */

/*
 * A leaf of frozen pieces can be forgotten when the tails it is to become say all
 * there is to say, which poison and a lock somebody waits for forbid.
 */
static bool leaf_forgettable(const struct vmemmap_leaf *leaf)
{
	u64 any = 0, locks = 0;
	u32 i;

	for (i = 0; i < VMEMMAP_LEAF_PAGES; i++) {
		any |= leaf->page[i].flags;
		locks |= leaf->page[i].lock_ref;
	}
	return !(any & BIT_ULL(PG_hwpoison)) && !locks;
}

static void leaf_plain(struct vmemmap_leaf *leaf)
{
	u32 i;

	for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
		plain_page(&leaf->page[i], 0);
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
			ClearPageHWPoison(page);
		}
	}
	if (folio->_hugetlb_hwpoison)
		folio_set_hwpoison(folio);
}

/* @seen: what is known of all. True when one of them is bad as a whole. */
bool hugetlb_join_pieces(struct page *head, u32 order, const struct hugetlb_pieces_seen *seen)
{
	struct mm *mm = mm_of(head);
	kvm_pfn_t pfn = head->pfn, end = pfn + (1ULL << order);
	struct vmemmap_leaf *leaf;
	bool unreliable = false;
	u32 piece_order;

	for (; !seen->all_plain && pfn < end; pfn += 1ULL << piece_order) {
		struct page *page = __pfn_to_page(mm, pfn);

		piece_order = folio_order((struct folio *)page);
		if (piece_order <= VMEMMAP_LEAF_SHIFT)
			continue;
		unreliable |= poisoned_as_a_whole((struct folio *)page);
		clear_compound_page(page, piece_order);
	}
	for (pfn = head->pfn; (leaf = vmemmap_next(mm, &pfn, end)); pfn += VMEMMAP_LEAF_PAGES) {
		if (pfn != head->pfn && (seen->all_plain || leaf_forgettable(leaf)))
			vmemmap_drop(mm, pfn >> VMEMMAP_LEAF_SHIFT);
		else
			leaf_plain(leaf);
	}
	prep_compound_page(head, order);
	if (seen->uptodate)
		head->flags |= BIT_ULL(PG_uptodate);
	return unreliable;
}

struct folio *hugetlb_merge_pieces(struct page *head, const struct hugetlb_pieces_seen *seen)
{
	struct mm *mm = mm_of(head);
	struct hugetlb_stash *stash = hugetlb_stash_of(mm, head->pfn);
	bool unreliable = hugetlb_join_pieces(head, stash->order, seen);
	struct folio *folio = (struct folio *)head;

	init_new_hugetlb_folio(folio);
	collect_poison(mm, folio);
	if (unreliable) {
		folio_set_hwpoison(folio);
		folio_set_hpg(folio, HPG_raw_hwp_unreliable);
		folio_free_raw_hwp(folio, false);
	}
	folio->private = stash->private;
	folio->_hugetlb_subpool = stash->subpool;
	stash_drop(mm, stash);
	hugetlb_vmemmap_optimize_folio(folio);
	return folio;
}

struct folio *hugetlb_merge_folio(struct page *head)
{
	struct mm *mm = mm_of(head);
	kvm_pfn_t pfn = head->pfn, end = pfn + (1ULL << hugetlb_stash_of(mm, pfn)->order);
	struct hugetlb_pieces_seen seen = { .uptodate = true };

	while (pfn < end) {
		const struct folio *piece = (struct folio *)__pfn_to_page(mm, pfn);

		seen.uptodate &= folio_test_uptodate(piece);
		pfn += folio_nr_pages(piece);
	}
	return hugetlb_merge_pieces(head, &seen);
}

bool hugetlb_split_piece_put(struct folio *piece)
{
	struct mm *mm = mm_of(piece);
	struct hugetlb_stash *stash = hugetlb_stash_of(mm, piece->pfn);
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
