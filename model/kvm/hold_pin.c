// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold policies that count: references on the folio, or users of an index.
 *
 * always-pin is arch/x86/kvm/vmx/tdx.c as "KVM: TDX: Drop superfluous page pinning
 * in S-EPT management" found it: get_page() before the S-EPT operation, put_page()
 * when that is busy or fails and after a removal went through to the end, and on
 * no other path. A leaf of 2M takes as many as it has pages. ref-on-fail is option
 * a, the proof of concept of 16 June 2025; the look at the count after a zap that
 * went with it is a step of the conversion order (precheck), not of the policy.
 * gmem-gfn-count is an idea of the same mail, which leaves the count's size open.
 */
#include "model/kvm/hold_internal.h"
#include "model/kvm/mmu.h"

/* -- always-pin -- */

/* The kernel cannot, but septum's ledger can tell for which page of a folio it was. */
static void note_pages(struct kvm *kvm, enum pg_level level, kvm_pfn_t pfn,
		       enum holder holder, s32 nr)
{
	for (u64 i = 0; i < KVM_PAGES_PER_HPAGE(level); i++)
		ledger_note_page(pfn_to_page(env_of(kvm), pfn + i), holder, nr);
}

static void tdx_pin(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	hold_step(kvm, 1);
	folio_ref_add_as(pfn_folio(kvm, pfn), KVM_PAGES_PER_HPAGE(level), HOLDER_SEPT_PIN);
	note_pages(kvm, level, pfn, HOLDER_SEPT_PIN, 1);
}

static void tdx_unpin(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	hold_step(kvm, 1);
	note_pages(kvm, level, pfn, HOLDER_SEPT_PIN, -1);
	folio_put_refs_as(pfn_folio(kvm, pfn), KVM_PAGES_PER_HPAGE(level), HOLDER_SEPT_PIN);
}

static void tdx_unpin_map_failed(struct kvm *kvm, gfn_t gfn, enum pg_level level,
				 kvm_pfn_t pfn, bool busy)
{
	tdx_unpin(kvm, gfn, level, pfn);
}

static void tdx_keep_pinned(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	static const char *const reason[HOLD_STEP_NR] = {
		[HOLD_STEP_BLOCK] = "always-pin: RANGE.BLOCK failed, still mapped in the S-EPT",
		[HOLD_STEP_TRACK] = "always-pin: TRACK failed, blocked in the S-EPT",
		[HOLD_STEP_REMOVE] = "always-pin: PAGE.REMOVE failed, blocked in the S-EPT",
		[HOLD_STEP_WBINVD] = "always-pin: PAGE.WBINVD failed, lines of the TD's key are dirty",
	};

	/* The kernel just returns here; that nobody will ever unpin is the leak. */
	hold_lost(pfn_folio(kvm, pfn), reason[step]);
}

const struct hold_policy hold_always_pin = {
	.map = tdx_pin,
	.map_failed = tdx_unpin_map_failed,
	.removed = tdx_unpin,
	.remove_failed = tdx_keep_pinned,
};

/* -- ref-on-fail -- */

static void take_zap_error_ref(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	struct folio *folio = pfn_folio(vm, pfn);

	folio_ref_add_as(folio, KVM_PAGES_PER_HPAGE(level), HOLDER_ZAP_ERROR);
	note_pages(vm, level, pfn, HOLDER_ZAP_ERROR, 1);
	hold_lost(folio, "ref-on-fail: referenced when its removal failed");
}

const struct hold_policy hold_ref_on_fail = {
	.remove_failed = take_zap_error_ref,
};

/* -- gmem-gfn-count -- */

static int gfn_count_init(struct hold_inode *hi, struct env *env)
{
	if (inject_alloc(env, "gmem_gfn_count"))
		return -ENOMEM;
	sparse_init(&hi->in_use, sizeof(u32), hi->nr_pages);
	return 0;
}

/* @delta for each of the indices of a leaf. */
static void gfn_count_add(struct kvm *kvm, enum pg_level level, kvm_pfn_t pfn, s32 delta)
{
	struct inode *inode = pfn_gmem_inode(kvm, pfn);
	struct folio *folio = pfn_folio(kvm, pfn);
	u64 i;

	/* Its folio is truncated already: what there was to count went with it. */
	if (!inode)
		return;
	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++) {
		pgoff_t index = folio->index + (pfn + i - folio_pfn(folio));
		u32 *count = sparse_get(&hold_inode_of(inode)->in_use, index);

		*count += delta;
		hold_step(kvm, 1);
	}
}

static void gfn_count_map(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	gfn_count_add(kvm, level, pfn, 1);
}

static void gfn_count_unmap(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	gfn_count_add(kvm, level, pfn, -1);
}

static void gfn_count_map_failed(struct kvm *kvm, gfn_t gfn, enum pg_level level,
				 kvm_pfn_t pfn, bool busy)
{
	gfn_count_add(kvm, level, pfn, -1);
}

/* The folio's references take over what is left of the counts. */
static void gfn_count_truncate(struct folio *folio)
{
	struct hold_inode *hi = hold_inode_of(folio->mapping->host);
	pgoff_t index = folio->index;
	s32 left = 0;

	for (; index < folio_next_index(folio); index++) {
		u32 *count = sparse_find(&hi->in_use, index);

		hold_step(folio, 1);
		if (!count)
			continue;
		left += *count;
		*count = 0;
	}
	if (!left)
		return;
	folio_ref_add_as(folio, left, HOLDER_GMEM);
	hold_lost(folio, "gmem-gfn-count: truncated while in use");
}

const struct hold_policy hold_gmem_gfn_count = {
	.inode_data = true,
	.index_bytes = sizeof(u32),
	.inode_init = gfn_count_init,
	.map = gfn_count_map,
	.map_failed = gfn_count_map_failed,
	.removed = gfn_count_unmap,
	.truncate = gfn_count_truncate,
};
