// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold policies that tell guest_memfd which frames failed: unmap-ret (the return
 * value of the unmap path, until June 2025), gmem-errlist (option e: a list on the
 * inode, found by the page's mapping) and flag-plus-list (option f: a flag and a
 * list on the folio, as hugetlb remembers poison). A. Tng, 23 June 2025.
 *
 * A node is allocated under mmu_lock, so atomically. Without one gmem-errlist
 * forgets the frame, as its mail has nothing else to offer; flag-plus-list drops
 * the list and counts the whole folio as bad. Of a leaf that could not be split
 * gmem-errlist lists the first frame, a choice the mail leaves open.
 */
#include "model/kvm/hold_internal.h"
#include "model/kvm/mmu.h"

/* -- unmap-ret -- */

/*
 * One return value has room for one frame: of several that fail in one unmap
 * guest_memfd learns of the first only, the rest is as with no-hold. A release
 * cannot fail, so it only keeps the frame.
 */
static int keep_returned_frame(struct folio *folio, const struct hold_zap *zap)
{
	hold_step(folio, 1);
	if (!zap->unmapped.failed ||
	    zap->unmapped.failed_pfn - folio_pfn(folio) >= folio_nr_pages(folio))
		return 0;
	hold_keep(folio, "unmap-ret: unmapping it failed");
	return zap->use >= HOLD_RELEASE ? 0 : -EIO;
}

const struct hold_policy hold_unmap_ret = {
	.unmap_may_fail = true,
	.after_zap = keep_returned_frame,
};

/* -- gmem-errlist -- */

static void kvm_gmem_add_error_pfn(struct kvm *vm, kvm_pfn_t pfn)
{
	struct inode *inode = pfn_gmem_inode(vm, pfn);
	struct hold_state *hold = hold_of(vm);
	struct hold_error *error = inode ? hold_error_new(hold, pfn) : NULL;

	if (!error) {
		hold->count.forgotten++;
		return;
	}
	error->next = hold_inode_of(inode)->errors;
	hold_inode_of(inode)->errors = error;
}

static void list_remove_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	u64 i;

	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		kvm_gmem_add_error_pfn(vm, pfn + i);
}

static void list_demote_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, u64 err)
{
	kvm_gmem_add_error_pfn(vm, pfn);
}

static bool folio_listed(struct folio *folio)
{
	return hold_errors_have(hold_of(folio), hold_inode_of(folio->mapping->host)->errors,
				folio_pfn(folio), folio_nr_pages(folio));
}

static int listed_convert(struct folio *folio, const struct hold_zap *zap)
{
	return zap->use == HOLD_CONVERT && folio_listed(folio) ? -EFAULT : 0;
}

static int listed_refuse(struct folio *folio, pgoff_t index)
{
	return hold_errors_have(hold_of(folio), hold_inode_of(folio->mapping->host)->errors,
				page_to_pfn(folio_file_page(folio, index)), 1) ? -EIO : 0;
}

static void listed_truncate(struct folio *folio)
{
	if (folio_listed(folio))
		hold_keep(folio, "gmem-errlist: on the list of its inode");
}

/* From now on the poison keeps it, which outlives the inode. Never a large folio. */
static void listed_memory_failure(struct folio *folio)
{
	hold_errors_drop(hold_of(folio), &hold_inode_of(folio->mapping->host)->errors,
			 folio_pfn(folio));
}

const struct hold_policy hold_gmem_errlist = {
	.inode_data = true,
	.remove_failed = list_remove_failed,
	.demote_failed = list_demote_failed,
	.after_zap = listed_convert,
	.truncate = listed_truncate,
	.alloc = listed_refuse,
	.memory_failure = listed_memory_failure,
};

/* -- flag-plus-list -- */

/* Marked without a list, a large folio is bad as a whole. */
static void folio_unreliable(struct folio *folio)
{
	hold_errors_free(hold_of(folio), folio->_hold_errors);
	folio->_hold_errors = NULL;
	hold_of(folio)->count.degraded++;
}

/* The mark is what says that the list, a field of page 2, is one. */
static void folio_mark_listed(struct folio *folio)
{
	if (folio_test_large(folio) && !folio_marked(folio))
		folio->_hold_errors = NULL;
	folio_mark(folio);
}

static void folio_add_error(struct folio *folio, kvm_pfn_t pfn)
{
	bool unreliable = folio_marked(folio) && !folio->_hold_errors;
	struct hold_error *error;

	folio_mark_listed(folio);
	if (!folio_test_large(folio) || unreliable)
		return;
	error = hold_error_new(hold_of(folio), pfn);
	if (!error) {
		folio_unreliable(folio);
		return;
	}
	error->next = folio->_hold_errors;
	folio->_hold_errors = error;
}

static void folio_list_remove_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
				     kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	u64 i;

	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		folio_add_error(pfn_folio(vm, pfn), pfn + i);
}

static void folio_list_demote_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
				     kvm_pfn_t pfn, u64 err)
{
	folio_list_remove_failed(vm, gfn, level, pfn, HOLD_STEP_NR, err);
}

static bool page_bad(struct folio *folio, kvm_pfn_t pfn)
{
	hold_step(folio, 1);
	if (!folio_marked(folio))
		return false;
	if (!folio_test_large(folio) || !folio->_hold_errors)
		return true;
	return hold_errors_have(hold_of(folio), folio->_hold_errors, pfn, 1);
}

static int folio_list_convert(struct folio *folio, const struct hold_zap *zap)
{
	hold_step(folio, 1);
	return zap->use == HOLD_CONVERT && folio_marked(folio) ? -EFAULT : 0;
}

static int folio_list_refuse(struct folio *folio, pgoff_t index)
{
	return page_bad(folio, page_to_pfn(folio_file_page(folio, index))) ? -EIO : 0;
}

static void folio_list_truncate(struct folio *folio)
{
	hold_step(folio, 1);
	if (!folio_marked(folio))
		return;
	if (folio_test_large(folio)) {
		hold_errors_free(hold_of(folio), folio->_hold_errors);
		folio->_hold_errors = NULL;
	}
	hold_keep(folio, "flag-plus-list: marked when a removal failed");
}

/* Itemized: each piece has what of the list is its own. */
static void folio_list_split_begin(struct folio *folio, struct hold_pieces *pieces)
{
	pieces->flags = folio_marked(folio);
	if (!folio_marked(folio))
		return;
	pieces->list = folio->_hold_errors;
	folio->_hold_errors = NULL;
	folio_unmark(folio);
}

static void folio_list_split_done(struct hold_pieces *pieces, int err)
{
	struct hold_error *error, *next;
	u64 i;

	if (!pieces->list) {
		for (i = 0; pieces->flags && i < pieces->nr; i++)
			folio_mark_listed(pfn_folio(pieces->mapping, pieces->pfn + i));
		return;
	}
	for (error = pieces->list; error; error = next) {
		struct folio *piece = pfn_folio(pieces->mapping, error->pfn);

		next = error->next;
		folio_mark_listed(piece);
		if (folio_test_large(piece)) {
			error->next = piece->_hold_errors;
			piece->_hold_errors = error;
		} else {
			error->next = NULL;
			hold_errors_free(hold_of(piece), error);
		}
	}
}

/*
 * Summarized. Large pieces bring their lists, small ones a node each; a piece that
 * is bad without a list, or a node that cannot be had, makes all of it unreliable.
 */
static void folio_list_merge_begin(struct hold_pieces *pieces)
{
	struct hold_state *hold = hold_of(pieces->mapping);
	struct folio *piece;
	u64 i;

	if (!hold_any_mark(hold))
		return;
	for (i = 0; i < pieces->nr; i += folio_nr_pages(piece)) {
		struct hold_error *error, **end = (struct hold_error **)&pieces->list;

		piece = pfn_folio(pieces->mapping, pieces->pfn + i);
		hold_step(pieces->mapping, 1);
		if (!folio_marked(piece))
			continue;
		pieces->flags |= 1;
		if (folio_test_large(piece)) {
			error = piece->_hold_errors;
			piece->_hold_errors = NULL;
		} else {
			error = hold_error_new(hold, folio_pfn(piece));
		}
		if (!error)
			pieces->flags |= 2;
		while (*end)
			end = &(*end)->next;
		*end = error;
	}
	if (pieces->flags & 2) {
		hold_errors_free(hold, pieces->list);
		pieces->list = NULL;
		hold->count.degraded++;
	}
}

static void folio_list_merge_done(struct hold_pieces *pieces, int err)
{
	struct folio *folio = pfn_folio(pieces->mapping, pieces->pfn);

	/* Not merged: the pieces have the list again, which is what a split gives. */
	if (err) {
		if (pieces->list)
			folio_list_split_done(pieces, err);
		return;
	}
	if (!pieces->flags)
		return;
	folio_mark(folio);
	folio->_hold_errors = pieces->list;
}

const struct hold_policy hold_flag_plus_list = {
	.remove_failed = folio_list_remove_failed,
	.demote_failed = folio_list_demote_failed,
	.after_zap = folio_list_convert,
	.truncate = folio_list_truncate,
	.split_begin = folio_list_split_begin,
	.split_done = folio_list_split_done,
	.merge_begin = folio_list_merge_begin,
	.merge_done = folio_list_merge_done,
	.alloc = folio_list_refuse,
};
