// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold policies that mark a failure by a flag: err-page-flag (option b, in the
 * struct page of each frame), err-folio-flag (c, on the folio), err-folio-flag-split
 * (d, the same after splitting the folio to 4K) and owner-flag (Y. Zhao, 1 July
 * 2025: TDX sets a flag of the folio's owner, which guest_memfd replaces by poison
 * after the zap). A. Tng, 23 June 2025; checked at faults, allocation, conversion,
 * merge and truncation.
 *
 * A failure is met under mmu_lock, where the split of option d must not sleep: the
 * folio is marked at once, as in c, and split when guest_memfd comes by after the
 * zap. Without memory for that, it stays as marked. Splitting copies the mark of
 * the folio to all pieces, that of single pages to those; merging joins them.
 */
#include "model/kvm/hold_internal.h"
#include "model/kvm/hold_poison.h"
#include "model/kvm/mmu.h"
#include "model/mm/hugetlb.h"

/* -- err-folio-flag -- */

static void mark_folio(struct kvm *vm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn,
		       enum hold_step step, u64 err)
{
	folio_mark(pfn_folio(vm, pfn));
}

static void mark_demote_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, u64 err)
{
	folio_mark(pfn_folio(vm, pfn));
}

static int marked_convert(struct folio *folio, const struct hold_zap *zap)
{
	hold_step(folio, 1);
	return zap->use == HOLD_CONVERT && folio_marked(folio) ? -EFAULT : 0;
}

static int marked_refuse(struct folio *folio, pgoff_t index)
{
	hold_step(folio, 1);
	return folio_marked(folio) ? -EIO : 0;
}

static void marked_truncate(struct folio *folio)
{
	hold_step(folio, 1);
	if (folio_marked(folio))
		hold_keep(folio, "err-folio-flag: marked when a removal failed");
}

static void marked_split_begin(struct folio *folio, struct hold_pieces *pieces)
{
	pieces->flags = folio_marked(folio);
}

static void marked_split_done(struct hold_pieces *pieces, int err)
{
	u64 i;

	if (err || !pieces->flags)
		return;
	for (i = 0; i < pieces->nr; i++)
		folio_mark(pfn_folio(pieces->mapping, pieces->pfn + i));
}

static void marked_merge_begin(struct hold_pieces *pieces)
{
	u64 i;

	if (!hold_any_mark(pieces->mapping))
		return;
	for (i = 0; i < pieces->nr; i++)
		pieces->flags |= folio_marked(pfn_folio(pieces->mapping, pieces->pfn + i));
}

static void marked_merge_done(struct hold_pieces *pieces, int err)
{
	if (!err && pieces->flags)
		folio_mark(pfn_folio(pieces->mapping, pieces->pfn));
}

const struct hold_policy hold_err_folio_flag = {
	.remove_failed = mark_folio,
	.demote_failed = mark_demote_failed,
	.after_zap = marked_convert,
	.truncate = marked_truncate,
	.split_begin = marked_split_begin,
	.split_done = marked_split_done,
	.merge_begin = marked_merge_begin,
	.merge_done = marked_merge_done,
	.alloc = marked_refuse,
};

/* -- err-folio-flag-split -- */

static void mark_and_split_later(struct kvm *vm, gfn_t gfn, enum pg_level level,
				 kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	struct inode *inode = pfn_gmem_inode(vm, pfn);
	struct folio *folio = pfn_folio(vm, pfn);
	struct hold_state *hold = hold_of(vm);
	u64 i;

	folio_mark(folio);
	if (!folio_test_large(folio) || !inode)
		return;
	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++) {
		struct hold_error *error = hold_error_new(hold, pfn + i);

		/* Which pages is not known then: all of them. */
		if (!error) {
			hold->count.degraded++;
			return;
		}
		error->next = hold_inode_of(inode)->errors;
		hold_inode_of(inode)->errors = error;
	}
}

/* Those of @folio off the inode's list; *marks is how many that is. */
static struct hold_error *take_errors(struct folio *folio, u64 *marks)
{
	struct hold_error **link = &hold_inode_of(folio->mapping->host)->errors, *error;
	struct hold_error *mine = NULL;

	*marks = 0;
	while ((error = *link)) {
		if (error->pfn - folio_pfn(folio) >= folio_nr_pages(folio)) {
			link = &error->next;
			continue;
		}
		*link = error->next;
		error->next = mine;
		mine = error;
		++*marks;
	}
	return mine;
}

/* With all that was found bad on the list the split makes the flag exact. */
static void split_marked_folio(struct folio *folio)
{
	struct hold_state *hold = hold_of(folio);
	struct hold_error *error, *list;
	struct hold_pieces pieces;
	u64 marks;
	int err;

	hold_step(folio, 1);
	if (!folio_marked(folio) || !folio_test_large(folio))
		return;
	list = take_errors(folio, &marks);
	if (!marks)
		return;
	folio_unmark(folio);
	hold_split_begin(folio, &pieces);
	hold->count.error_allocs++;
	err = filemap_split_hugetlb(folio, 0);
	hold_split_done(&pieces, err);
	if (err) {
		hold->count.error_allocs_failed += err == -ENOMEM;
		hold->count.degraded++;
		folio_mark(folio);
	} else {
		for (error = list; error; error = error->next)
			folio_mark(pfn_folio(pieces.mapping, error->pfn));
	}
	hold_errors_free(hold, list);
}

const struct hold_policy hold_err_folio_flag_split = {
	.inode_data = true,
	.remove_failed = mark_and_split_later,
	.demote_failed = mark_demote_failed,
	.settle = split_marked_folio,
	.after_zap = marked_convert,
	.truncate = marked_truncate,
	.split_begin = marked_split_begin,
	.split_done = marked_split_done,
	.merge_begin = marked_merge_begin,
	.merge_done = marked_merge_done,
	.alloc = marked_refuse,
};

/* -- err-page-flag -- */

static void mark_pages(struct kvm *vm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn,
		       enum hold_step step, u64 err)
{
	u64 i;

	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		hold_page_mark(pfn_to_page(env_of(vm), pfn + i), true);
}

static void page_demote_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, u64 err)
{
	mark_pages(vm, gfn, level, pfn, HOLD_STEP_NR, err);
}

static bool folio_has_marked_page(struct folio *folio)
{
	u64 i, nr = folio_nr_pages(folio);

	if (!hold_any_mark(folio))
		return false;
	for (i = 0; i < nr; i++) {
		hold_step(folio, 1);
		if (folio_page(folio, i)->flags & BIT_ULL(PG_model_hold))
			return true;
	}
	return false;
}

static int page_convert(struct folio *folio, const struct hold_zap *zap)
{
	return zap->use == HOLD_CONVERT && folio_has_marked_page(folio) ? -EFAULT : 0;
}

static int page_refuse(struct folio *folio, pgoff_t index)
{
	hold_step(folio, 1);
	return folio_file_page(folio, index)->flags & BIT_ULL(PG_model_hold) ? -EIO : 0;
}

static void page_truncate(struct folio *folio)
{
	if (folio_has_marked_page(folio))
		hold_keep(folio, "err-page-flag: marked when its removal failed");
}

/*
 * The tails' flags outlive a split in a kernel that copies them selectively, which
 * this policy needs; the model's split wipes them, so they travel beside it.
 */
static void page_pieces_begin(struct hold_pieces *pieces)
{
	struct hold_state *hold = hold_of(pieces->mapping);
	u64 i;

	if (!hold_any_mark(hold))
		return;
	for (i = 0; i < pieces->nr; i++) {
		const struct page *page = pfn_to_page(env_of(pieces->mapping), pieces->pfn + i);
		struct hold_error *error;

		hold_step(pieces->mapping, 1);
		if (!(page->flags & BIT_ULL(PG_model_hold)))
			continue;
		error = pool_alloc(&hold->errors);
		*error = (struct hold_error){ pieces->list, page_to_pfn(page) };
		hold->count.error_bytes += sizeof(*error);
		pieces->list = error;
	}
}

static void page_split_begin(struct folio *folio, struct hold_pieces *pieces)
{
	page_pieces_begin(pieces);
}

static void page_pieces_done(struct hold_pieces *pieces, int err)
{
	struct hold_error *error;

	for (error = pieces->list; error && !err; error = error->next)
		hold_page_mark(pfn_to_page(env_of(pieces->mapping), error->pfn), true);
	hold_errors_free(hold_of(pieces->mapping), pieces->list);
}

const struct hold_policy hold_err_page_flag = {
	.remove_failed = mark_pages,
	.demote_failed = page_demote_failed,
	.after_zap = page_convert,
	.truncate = page_truncate,
	.split_begin = page_split_begin,
	.split_done = page_pieces_done,
	.merge_begin = page_pieces_begin,
	.merge_done = page_pieces_done,
	.alloc = page_refuse,
};

/* -- owner-flag -- */

static void set_owner_flag(struct kvm *vm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn,
			   enum hold_step step, u64 err)
{
	pfn_folio(vm, pfn)->flags |= BIT_ULL(PG_owner_priv_1);
	hold_of(vm)->any_mark = true;
}

static void owner_demote_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
				kvm_pfn_t pfn, u64 err)
{
	set_owner_flag(vm, gfn, level, pfn, HOLD_STEP_NR, err);
}

/* guest_memfd poisons on TDX's behalf, where it may. */
static void owner_flag_to_poison(struct folio *folio)
{
	hold_step(folio, 1);
	if (!(folio->flags & BIT_ULL(PG_owner_priv_1)))
		return;
	folio->flags &= ~BIT_ULL(PG_owner_priv_1);
	hold_poison_folio(folio);
}

static int owner_refuse(struct folio *folio, pgoff_t index)
{
	hold_step(folio, 1);
	return folio->flags & BIT_ULL(PG_owner_priv_1) ? -EIO : 0;
}

static void owner_split_begin(struct folio *folio, struct hold_pieces *pieces)
{
	pieces->flags = folio->flags & BIT_ULL(PG_owner_priv_1);
}

static void owner_split_done(struct hold_pieces *pieces, int err)
{
	u64 i;

	for (i = 0; !err && pieces->flags && i < pieces->nr; i++)
		pfn_folio(pieces->mapping, pieces->pfn + i)->flags |= pieces->flags;
}

/* Where nothing looked at it after the zap, it is still there when pieces are merged. */
static void owner_merge_begin(struct hold_pieces *pieces)
{
	u64 i;

	for (i = 0; hold_any_mark(pieces->mapping) && i < pieces->nr; i++)
		pieces->flags |= pfn_folio(pieces->mapping, pieces->pfn + i)->flags &
				 BIT_ULL(PG_owner_priv_1);
}

static void owner_merge_done(struct hold_pieces *pieces, int err)
{
	if (!err)
		pfn_folio(pieces->mapping, pieces->pfn)->flags |= pieces->flags;
}

const struct hold_policy hold_owner_flag = {
	.remove_failed = set_owner_flag,
	.demote_failed = owner_demote_failed,
	.settle = owner_flag_to_poison,
	.after_zap = hold_poison_convert,
	.truncate = hold_poison_truncate,
	.split_begin = owner_split_begin,
	.split_done = owner_split_done,
	.merge_begin = owner_merge_begin,
	.merge_done = owner_merge_done,
	.alloc = owner_refuse,
	.get_pfn = hold_poison_refuse,
	.host_fault = hold_poison_refuse,
};
