// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold policies that end in poison or give a whole guest_memfd up. hwpoison is
 * option g (A. Tng, 23 to 30 June and about 2 July 2025): KVM's TDX code sets the
 * poison flag itself, without memory_failure(), which would unmap, kill and free.
 * A small folio gets the flag, a page of a larger one its flag and the folio the
 * hint that there is one, a hugetlb folio a node on its list of raw pages, with the
 * stated end when there is no memory for it: unreliable, all of it counts as bad.
 * hwpoison-folio poisons the folio as a whole. Whether a conversion looks at it is
 * unsettled in the mails: knob conversion-checks.
 *
 * gmem-bug-fd (R. Edgecombe, 1 July 2025): the callback sets a boolean on the inode,
 * and the next invalidation, the one that met the failure included, treats all of
 * the file as failed: nothing of it is freed and nothing is given to a guest again.
 */
#include "model/kvm/hold_poison.h"
#include "model/kvm/mmu.h"
#include "model/mm/hugetlb.h"
#include "model/mm/memory_failure.h"

/* -- poison ---------------------------------------------------------------------- */

/* One frame, as exactly as its folio allows. */
static void poison_page(struct page *page)
{
	struct folio *folio = page_folio(page);
	struct hold_state *hold = hold_of(folio);

	hold->count.poisoned++;
	if (!folio_test_hugetlb(folio)) {
		/* Of a piece that is bad as a whole there is no more to say. */
		if (folio_test_large(folio) && !folio_test_hwpoison(folio))
			folio->_flags_1 |= BIT_ULL(PG_has_hwpoisoned);
		SetPageHWPoison(page);
		return;
	}
	if (folio_test_hpg(folio, HPG_raw_hwp_unreliable))
		return;
	hold->count.error_allocs++;
	hold->count.error_allocs_atomic++;
	folio_set_hugetlb_hwpoison(folio, page);
	if (folio_test_hpg(folio, HPG_raw_hwp_unreliable)) {
		hold->count.error_allocs_failed++;
		hold->count.degraded++;
	}
}

void hold_poison_folio(struct folio *folio)
{
	hold_of(folio)->count.poisoned++;
	folio_set_hwpoison(folio);
	if (folio_test_hugetlb(folio))
		folio_set_hpg(folio, HPG_raw_hwp_unreliable);
	/* A poisoned head without the hint that there is a bad page: all of it. */
	else if (folio_test_large(folio))
		folio->_flags_1 &= ~BIT_ULL(PG_has_hwpoisoned);
}

int hold_poison_convert(struct folio *folio, const struct hold_zap *zap)
{
	hold_step(folio, 1);
	return zap->use == HOLD_CONVERT && folio_contain_hwpoisoned_page(folio) ? -EFAULT : 0;
}

int hold_poison_refuse(struct folio *folio, pgoff_t index)
{
	hold_step(folio, 1);
	return folio_contain_hwpoisoned_page(folio) ? -EHWPOISON : 0;
}

/* The buddy refuses a poisoned page by itself; a hugetlb pool takes what it gets. */
void hold_poison_truncate(struct folio *folio)
{
	kvm_pfn_t head;

	hold_step(folio, 1);
	if (!folio_contain_hwpoisoned_page(folio))
		return;
	if (folio_test_large(folio) ||
	    hugetlb_split_origin(mm_of(folio), folio_pfn(folio), &head))
		hold_keep(folio, "hwpoison: of a hugetlb folio");
}

static void poison_failed_frames(struct kvm *vm, gfn_t gfn, enum pg_level level,
				 kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	u64 i;

	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		poison_page(pfn_to_page(env_of(vm), pfn + i));
}

static void poison_demote_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
				 kvm_pfn_t pfn, u64 err)
{
	poison_failed_frames(vm, gfn, level, pfn, HOLD_STEP_NR, err);
}

const struct hold_policy hold_hwpoison = {
	.remove_failed = poison_failed_frames,
	.demote_failed = poison_demote_failed,
	.after_zap = hold_poison_convert,
	.truncate = hold_poison_truncate,
	.get_pfn = hold_poison_refuse,
	.host_fault = hold_poison_refuse,
};

static void poison_failed_folio(struct kvm *vm, gfn_t gfn, enum pg_level level,
				kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	hold_poison_folio(pfn_folio(vm, pfn));
}

static void poison_folio_demote_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
				       kvm_pfn_t pfn, u64 err)
{
	hold_poison_folio(pfn_folio(vm, pfn));
}

const struct hold_policy hold_hwpoison_folio = {
	.remove_failed = poison_failed_folio,
	.demote_failed = poison_folio_demote_failed,
	.after_zap = hold_poison_convert,
	.truncate = hold_poison_truncate,
	.get_pfn = hold_poison_refuse,
	.host_fault = hold_poison_refuse,
};

/* -- gmem-bug-fd ------------------------------------------------------------------- */

/* The callback from atomic context: all it does is to remember. */
static void bug_gmem(struct kvm *vm, kvm_pfn_t pfn)
{
	struct inode *inode = pfn_gmem_inode(vm, pfn);

	if (inode)
		hold_inode_of(inode)->bugged = true;
	else
		hold_of(vm)->count.forgotten++;
}

static void bug_gmem_remove(struct kvm *vm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	bug_gmem(vm, pfn);
}

static void bug_gmem_demote(struct kvm *vm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, u64 err)
{
	bug_gmem(vm, pfn);
}

/* Each folio the file has, once. */
static void give_up_bugged(struct folio *folio)
{
	struct inode *inode = folio->mapping->host;
	struct hold_inode *hi = hold_inode_of(inode);
	struct folio *one;
	u64 index;

	hold_step(folio, 1);
	if (!hi->bugged || hi->given_up)
		return;
	hi->given_up = true;
	xa_for_each(&inode->i_mapping->i_pages, index, one)
		hold_keep(one, "gmem-bug-fd: of a file that is bugged");
}

static int bugged_convert(struct folio *folio, const struct hold_zap *zap)
{
	return zap->use == HOLD_CONVERT && hold_inode_of(folio->mapping->host)->bugged ? -EIO : 0;
}

static int bugged_refuse(struct folio *folio, pgoff_t index)
{
	hold_step(folio, 1);
	return hold_inode_of(folio->mapping->host)->bugged ? -EIO : 0;
}

static int bugged_link(struct inode *inode)
{
	return hold_inode_of(inode)->bugged ? -EIO : 0;
}

const struct hold_policy hold_gmem_bug_fd = {
	.inode_data = true,
	.remove_failed = bug_gmem_remove,
	.demote_failed = bug_gmem_demote,
	.settle = give_up_bugged,
	.after_zap = bugged_convert,
	.alloc = bugged_refuse,
	.link = bugged_link,
};
