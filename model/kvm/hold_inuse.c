// SPDX-License-Identifier: GPL-2.0-only
/*
 * inuse-flag: a bit that says "the TDX module may use this page", set when a
 * guest page is handed over and cleared when the module gave it back (R. Edgecombe
 * and Y. Zhao, 18 to 23 June 2025). A debugging aid: the page allocator warns when
 * it gets such a page, nobody is kept from anything. In three places: on the folio,
 * in each struct page, or in a page_ext beside it.
 *
 * Kept as the mails describe them, with their bugs: one removal clears the bit of
 * the whole folio (scheme 1); splitting a folio gives every piece the flags of its
 * first page, and merging it drops those of the tails (scheme 2). In an optimized
 * hugetlb folio the struct pages of the tails cannot be written at all. Left out:
 * control and S-EPT pages, which never reach guest_memfd.
 */
#include "model/kvm/hold_internal.h"
#include "model/kvm/mmu.h"

#define IN_USE	BIT_ULL(PG_model_hold)

/* The allocator's half: @found frames of a block that became free have the bit. */
static void warn_in_use(struct kvm_globals *globals, u64 found)
{
	globals->hold->count.warned += found;
	WARN_ON_ONCE(globals->host.env, found);
}

/* -- inuse-flag-folio -- */

static void folio_in_use(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	hold_step(kvm, 1);
	folio_mark(pfn_folio(kvm, pfn));
}

static void folio_not_in_use(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	hold_step(kvm, 1);
	folio_unmark(pfn_folio(kvm, pfn));
}

static void folio_map_failed(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			     kvm_pfn_t pfn, bool busy)
{
	folio_not_in_use(kvm, gfn, level, pfn);
}

/* What the first page has, each piece gets; both schemes split in the same code. */
static void in_use_split_begin(struct folio *folio, struct hold_pieces *pieces)
{
	pieces->flags = folio->flags & IN_USE;
}

static void in_use_split_done(struct hold_pieces *pieces, int err)
{
	u64 i;

	if (err || !pieces->flags)
		return;
	for (i = 0; i < pieces->nr; i++) {
		struct folio *piece = pfn_folio(pieces->mapping, pieces->pfn + i);

		if (folio_pfn(piece) == pieces->pfn + i)
			folio_mark(piece);
	}
}

static void in_use_merge_begin(struct hold_pieces *pieces)
{
	in_use_split_begin(pfn_folio(pieces->mapping, pieces->pfn), pieces);
}

static void in_use_merge_done(struct hold_pieces *pieces, int err)
{
	if (!err && pieces->flags)
		folio_mark(pfn_folio(pieces->mapping, pieces->pfn));
}

/* In the head and in the tails alike: what is set anywhere in the block. */
static void flags_frames_freed(struct kvm_globals *globals, kvm_pfn_t pfn, u32 order)
{
	u64 found = 0, i;

	for (i = 0; i < 1ULL << order; i++) {
		struct page *page = pfn_to_page(globals->host.env, pfn + i);

		if (likely(!(page->flags & IN_USE)))
			continue;
		page->flags &= ~IN_USE;
		found++;
	}
	warn_in_use(globals, found);
}

const struct hold_policy hold_inuse_flag_folio = {
	.map = folio_in_use,
	.map_failed = folio_map_failed,
	.removed = folio_not_in_use,
	.split_begin = in_use_split_begin,
	.split_done = in_use_split_done,
	.merge_begin = in_use_merge_begin,
	.merge_done = in_use_merge_done,
	.frames_freed = flags_frames_freed,
};

/* -- inuse-flag-page -- */

static void pages_in_use(struct kvm *kvm, enum pg_level level, kvm_pfn_t pfn, bool in_use)
{
	u64 i;

	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		hold_page_mark(pfn_to_page(env_of(kvm), pfn + i), in_use);
}

static void page_map(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	pages_in_use(kvm, level, pfn, true);
}

static void page_removed(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	pages_in_use(kvm, level, pfn, false);
}

static void page_map_failed(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, bool busy)
{
	pages_in_use(kvm, level, pfn, false);
}

const struct hold_policy hold_inuse_flag_page = {
	.map = page_map,
	.map_failed = page_map_failed,
	.removed = page_removed,
	.split_begin = in_use_split_begin,
	.split_done = in_use_split_done,
	.merge_begin = in_use_merge_begin,
	.merge_done = in_use_merge_done,
	.frames_freed = flags_frames_freed,
};

/* -- inuse-flag-ext: splits and merges do not touch page_ext -- */

static void ext_set(struct kvm *kvm, enum pg_level level, kvm_pfn_t pfn, u8 in_use)
{
	u64 i;

	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++) {
		*(u8 *)sparse_get(&hold_of(kvm)->page_ext, pfn + i) = in_use;
		hold_step(kvm, 1);
	}
}

static void ext_map(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	ext_set(kvm, level, pfn, 1);
}

static void ext_removed(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	ext_set(kvm, level, pfn, 0);
}

static void ext_map_failed(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			   kvm_pfn_t pfn, bool busy)
{
	ext_set(kvm, level, pfn, 0);
}

static void ext_frames_freed(struct kvm_globals *globals, kvm_pfn_t pfn, u32 order)
{
	u64 found = 0, i;

	for (i = 0; i < 1ULL << order; i++) {
		u8 *in_use = sparse_find(&globals->hold->page_ext, pfn + i);

		if (likely(!in_use || !*in_use))
			continue;
		*in_use = 0;
		found++;
	}
	warn_in_use(globals, found);
}

const struct hold_policy hold_inuse_flag_ext = {
	/* struct page_ext is one word a page of RAM, and so is this. */
	.page_bytes = sizeof(u64),
	.map = ext_map,
	.map_failed = ext_map_failed,
	.removed = ext_removed,
	.frames_freed = ext_frames_freed,
};
