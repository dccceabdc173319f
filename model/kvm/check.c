// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invariants that need KVM's, mm's and the module's view at once: mirror page
 * tables against Secure EPTs, both ways; no frame mapped for the host and in a
 * Secure EPT; no frame freed or handed on that a Secure EPT still names. Looks
 * only; the reference counts are mm's to check.
 */
#include "model/kvm/hold.h"
#include "model/kvm/host_internal.h"
#include "model/kvm/mmu.h"
#include "model/kvm/spte.h"
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/tdx.h"
#include "model/kvm/tdx_virt.h"

typedef void spte_fn(struct kvm *kvm, gfn_t gfn, int level, u64 spte);

/* Every present entry below @sp, tables and leaves. @gfn: first one it maps. */
static void walk_table(struct kvm *kvm, const struct kvm_mmu_page *sp, gfn_t gfn, spte_fn *fn)
{
	int level = sp->role.level;

	for (u32 i = 0; i < SPTE_ENT_PER_PAGE; i++, gfn += KVM_PAGES_PER_HPAGE(level)) {
		u64 spte = sp->spt[i];

		if (likely(!is_shadow_present_pte(spte)))
			continue;
		fn(kvm, gfn, level, spte);
		if (!is_last_spte(spte, level))
			walk_table(kvm, spte_to_child_sp(kvm->arch.mmu.host, spte), gfn, fn);
	}
}

static void walk_roots(struct kvm *kvm, bool mirror, spte_fn *fn)
{
	struct kvm_mmu_page *root;

	list_for_each_entry(root, &kvm->arch.mmu.tdp_mmu_roots, link)
		if (!root->role.invalid && is_mirror_sp(root) == mirror)
			walk_table(kvm, root, 0, fn);
}

/* -- INV_MIRROR_MATCHES_SEPT ------------------------------------------------ */

static void mirror_entry_in_sept(struct kvm *kvm, gfn_t gfn, int level, u64 spte)
{
	struct host *h = &kvm_globals_of(kvm)->host;
	bool leaf = is_last_spte(spte, level);
	struct tdx_sept_view view = { 0 };
	hpa_t hpa = pfn_to_hpa(spte_to_pfn(spte));

	tdx_probe_sept(h->tdx, page_to_phys(to_kvm_tdx(kvm)->td.tdr_page),
		       gfn_to_gpa(gfn), level - 1, &view);
	if (leaf)
		check_that(h->env, INV_MIRROR_MATCHES_SEPT,
			   view.level == level - 1 && view.hpa == hpa &&
			   sept_state_info[view.state].leaf,
			   "TD %u gpa 0x%llx: the mirror maps pfn 0x%llx, the S-EPT entry of level %u is %s for hpa 0x%llx",
			   kvm->id, (long long)gfn_to_gpa(gfn), (long long)spte_to_pfn(spte),
			   view.level, sept_state_info[view.state].name, (long long)view.hpa);
	else
		check_that(h->env, INV_MIRROR_MATCHES_SEPT,
			   view.level == level - 1 && view.state == SEPT_NL_MAPPED,
			   "TD %u gpa 0x%llx: the mirror has a table of level %d, the S-EPT entry of level %u is %s",
			   kvm->id, (long long)gfn_to_gpa(gfn), level - 1, view.level,
			   sept_state_info[view.state].name);
}

/* Both views are only comparable when nobody is in the middle of a change. */
static bool mirror_comparable(struct kvm *kvm)
{
	return is_td(kvm) && !kvm->vm_bugged && to_kvm_tdx(kvm)->td.tdr_page &&
	       !lock_is_held(&kvm->mmu_lock);
}

static struct kvm *kvm_of_tdr(struct kvm_globals *globals, hpa_t tdr)
{
	struct kvm *kvm;

	list_for_each_entry(kvm, &globals->vm_list, vm_list) {
		struct page *page = is_td(kvm) ? to_kvm_tdx(kvm)->td.tdr_page : NULL;

		if (page && page_to_phys(page) == tdr)
			return kvm;
	}
	return NULL;
}

/* -- one pass over the leaves of all Secure EPTs ---------------------------- */

static void sept_leaf_in_mirror(struct kvm *kvm, gpa_t gpa, hpa_t hpa, u8 level, u8 state)
{
	struct host_spte_view view;

	if (kvm_mmu_probe_spte(kvm, gpa, true, &view))
		view.state = SPTE_NONE;
	/* A leaf that is being entered or taken out right now. */
	if (view.state == SPTE_FROZEN)
		return;
	check_that(env_of(kvm), INV_MIRROR_MATCHES_SEPT,
		   view.state == SPTE_LEAF && view.level == level + 1 &&
		   pfn_to_hpa(view.pfn) == hpa,
		   "TD %u gpa 0x%llx: the S-EPT has a leaf (%s, level %u, hpa 0x%llx) that the mirror does not have",
		   kvm->id, (long long)gpa, sept_state_info[state].name, level, (long long)hpa);
}

/* A leaf may map several folios, and several leaves one. The first that a process maps, too. */
static struct folio *mapped_folio(struct env *env, kvm_pfn_t pfn, u8 level)
{
	kvm_pfn_t end = pfn + (1ULL << 9 * level);

	while (pfn < end) {
		struct page *page = pfn_to_page(env, pfn);
		struct folio *folio = page ? page_folio(page) : NULL;

		if (folio && folio_mapped(folio))
			return folio;
		pfn = folio ? folio_pfn(folio) + folio_nr_pages(folio) : pfn + 1;
	}
	return NULL;
}

static int check_sept_leaf(void *ctx, hpa_t tdr, gpa_t gpa, hpa_t hpa, u8 level, u8 state)
{
	struct kvm_globals *globals = ctx;
	struct folio *mapped = mapped_folio(globals->host.env, hpa_to_pfn(hpa), level);
	struct kvm *kvm = kvm_of_tdr(globals, tdr);

	check_that(globals->host.env, INV_NO_DOUBLE_MAPPING, !mapped,
		   "frame 0x%llx is mapped by a process and private at gpa 0x%llx of the TD with TDR 0x%llx",
		   (long long)(mapped ? folio_pfn(mapped) : 0), (long long)gpa, (long long)tdr);
	if (kvm && mirror_comparable(kvm))
		sept_leaf_in_mirror(kvm, gpa, hpa, level, state);
	return 0;
}

static void direct_leaf_not_in_sept(struct kvm *kvm, gfn_t gfn, int level, u64 spte)
{
	struct host *h = &kvm_globals_of(kvm)->host;
	kvm_pfn_t pfn = spte_to_pfn(spte);

	if (is_last_spte(spte, level))
		check_that(h->env, INV_NO_DOUBLE_MAPPING,
			   !tdx_frame_in_sept(h->tdx, pfn_to_hpa(pfn)),
			   "frame 0x%llx is mapped shared by VM %u and private in an S-EPT",
			   (long long)pfn, kvm->id);
}

void host_check(struct host *h)
{
	struct kvm_globals *globals = kvm_globals_of(h);
	struct kvm *kvm;

	mm_check_recent(mm_of(h));
	/* What a module that was shut down has in its tables nobody can use. */
	if (unlikely(globals->tdx && globals->tdx->shut_down))
		return;
	tdx_pamt_check(globals->tdx);
	tdx_for_each_leaf(h->tdx, check_sept_leaf, globals);
	list_for_each_entry(kvm, &globals->vm_list, vm_list) {
		walk_roots(kvm, false, direct_leaf_not_in_sept);
		if (mirror_comparable(kvm))
			walk_roots(kvm, true, mirror_entry_in_sept);
	}
}

/* -- INV_FREE_FRAME_UNMAPPED ------------------------------------------------ */

struct frame_finding {
	struct kvm_globals *globals;
	hpa_t hpa;
	const char *what;	/* "freed", "given to a new owner" */
};

static int report_mapped_frame(void *ctx, hpa_t tdr, gpa_t gpa, hpa_t hpa, u8 level, u8 state)
{
	static const char *const step[] = {
		"none", "RANGE.BLOCK", "TRACK", "PAGE.REMOVE", "PAGE.WBINVD",
	};
	const struct frame_finding *finding = ctx;
	struct kvm_globals *globals = finding->globals;
	u64 size = PAGE_SIZE << 9 * level;
	struct kvm *kvm;

	if (finding->hpa - hpa >= size)
		return 0;
	kvm = kvm_of_tdr(globals, tdr);
	check_fail(globals->host.env, INV_FREE_FRAME_UNMAPPED,
		   "frame 0x%llx is %s while the S-EPT of TD %d (TDR 0x%llx) has it at gpa 0x%llx (gfn 0x%llx), %s; policy %s, last removal that failed: %s 0x%llx at gfn 0x%llx",
		   (long long)hpa_to_pfn(finding->hpa), finding->what, kvm ? (int)kvm->id : -1,
		   (long long)tdr, (long long)gpa, (long long)gpa_to_gfn(gpa),
		   sept_state_info[state].name, globals->config.policy,
		   step[kvm ? kvm->arch.failed_step : 0],
		   kvm ? (long long)kvm->arch.failed_err : 0,
		   kvm ? (long long)kvm->arch.failed_gfn : 0);
	return 1;
}

/* Why a frame is not idle, in words; one that the module has set aside for itself is fine. */
static __cold void report_busy_frame(struct kvm_globals *globals, hpa_t hpa, const char *what)
{
	struct tdx_module *tdx = globals->host.tdx;
	struct tdx_pamt_view pamt;

	if (tdx_frame_in_sept(tdx, hpa)) {
		struct frame_finding finding = { globals, hpa, what };

		tdx_for_each_leaf(tdx, report_mapped_frame, &finding);
		return;
	}
	if (!tdx_probe_pamt(tdx, hpa, &pamt) && pamt.type != PT_NDA && pamt.type != PT_RSVD)
		check_fail(globals->host.env, INV_FREE_FRAME_UNMAPPED,
			   "frame 0x%llx is %s while the PAMT has it as %s of TDR 0x%llx",
			   (long long)hpa_to_pfn(hpa), what, pamt_type_info[pamt.type].name,
			   (long long)pamt.owner);
}

static inline void check_frame(struct kvm_globals *globals, kvm_pfn_t pfn, const char *what)
{
	hpa_t hpa = pfn_to_hpa(pfn);

	check_hit(globals->host.env, INV_FREE_FRAME_UNMAPPED);
	/* What it maps nobody can use. */
	if (unlikely(globals->tdx && globals->tdx->shut_down))
		return;
	/* One look for every frame that comes and goes; the rest finds the words. */
	if (unlikely(!tdx_frame_idle(globals->host.tdx, hpa)))
		report_busy_frame(globals, hpa, what);
}

static void check_frames(void *ctx, kvm_pfn_t pfn, u32 order, const char *what)
{
	struct kvm_globals *globals = ctx;
	hpa_t hpa = pfn_to_hpa(pfn), end = hpa + (PAGE_SIZE << order);

	if (likely(!order)) {
		check_frame(globals, pfn, what);
		return;
	}
	globals->host.env->checker.hits[INV_FREE_FRAME_UNMAPPED] += 1ULL << order;
	if (unlikely(globals->tdx && globals->tdx->shut_down))
		return;
	while ((hpa = tdx_next_busy_frame(globals->host.tdx, hpa, end)) < end) {
		report_busy_frame(globals, hpa, what);
		hpa += PAGE_SIZE;
	}
}

static void frame_freed(void *ctx, kvm_pfn_t pfn, u32 order)
{
	hold_frames_freed(ctx, pfn, order);
	check_frames(ctx, pfn, order, "freed");
}

static void frame_allocated(void *ctx, kvm_pfn_t pfn, u32 order)
{
	check_frames(ctx, pfn, order, "given to a new owner");
}

const struct mm_hooks kvm_frame_hooks = {
	.frame_freed = frame_freed,
	.frame_allocated = frame_allocated,
};
