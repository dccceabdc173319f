// SPDX-License-Identifier: GPL-2.0-only
/*
 * The S-EPT behind the TDP MMU (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4): mapping
 * and removing 4K leaves, adding page tables, and what happens when the module
 * refuses. Nothing here is undone after a failure: the mirror was changed before,
 * the VM is bugged, and the hold policy says what becomes of the page (7.3.4:
 * nothing).
 */
#include "model/kvm/hold.h"
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/tdx_sept.h"

/* -- Mapping: mmu_lock held for read, the mirror entry frozen -- */

static __noinline int tdx_mem_page_add(struct kvm *vm, gfn_t gfn, enum pg_level level,
				     kvm_pfn_t pfn)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	gpa_t gpa = gfn_to_gpa(gfn);
	u64 err, entry, level_state;

	lockdep_assert_held(&vm->slots_lock);
	/* Only INIT_MEM_REGION maps now, and it brings the content. */
	if (KVM_BUG_ON(vm->arch.pre_fault_allowed, vm) ||
	    KVM_BUG_ON(!tdvm->page_add_src, vm))
		return -EIO;

	hold_call(vm, map, gfn, level, pfn);
	err = tdh_mem_page_add(&tdvm->td, gpa, pfn, tdvm->page_add_src,
			       &entry, &level_state);
	if (unlikely(err))
		hold_call(vm, map_failed, gfn, level, pfn, tdx_operand_busy(err));
	if (tdx_operand_busy(err))
		return -EBUSY;
	if (TDX_BUG_ON_2(err, TDH_MEM_PAGE_ADD, entry, level_state, vm))
		return -EIO;
	return 0;
}

static int tdx_mem_page_aug(struct kvm *vm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	int tdx_level = pg_level_to_tdx_sept_level(level);
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	gpa_t gpa = gfn_to_gpa(gfn);
	u64 err, entry, level_state;

	hold_call(vm, map, gfn, level, pfn);
	err = tdh_mem_page_aug(&tdvm->td, gpa, tdx_level, pfn, &entry, &level_state);
	if (unlikely(err))
		hold_call(vm, map_failed, gfn, level, pfn, tdx_operand_busy(err));
	if (tdx_operand_busy(err))
		return -EBUSY;
	if (TDX_BUG_ON_2(err, TDH_MEM_PAGE_AUG, entry, level_state, vm))
		return -EIO;
	return 0;
}

/* @level is the level of the entry that gets the table. */
static __noinline int tdx_sept_map_nonleaf_spte(struct kvm *vm, gfn_t gfn, enum pg_level level,
					      u64 new_spte)
{
	struct kvm_mmu_page *sp = spte_to_child_sp(vm->arch.mmu.host, new_spte);
	int tdx_level = pg_level_to_tdx_sept_level(level);
	gpa_t gpa = gfn_to_gpa(gfn);
	u64 err, entry, level_state;
	int ret;

	if (KVM_BUG_ON(!sp->external_spt, vm) ||
	    KVM_BUG_ON(sp->role.level != level - 1u, vm) ||
	    KVM_BUG_ON(sp->gfn != gfn, vm))
		return -EIO;

	ret = tdx_pamt_get(to_kvm_tdx(vm)->globals, page_to_pfn(sp->external_spt), PG_LEVEL_4K,
			   tdx_get_pamt_cache(vm));
	if (ret)
		return ret;
	err = tdh_mem_sept_add(&to_kvm_tdx(vm)->td, gpa, tdx_level, sp->external_spt,
			       &entry, &level_state);
	if (unlikely(err))
		tdx_pamt_put(to_kvm_tdx(vm)->globals, page_to_pfn(sp->external_spt), PG_LEVEL_4K);
	if (tdx_operand_busy(err))
		return -EBUSY;
	if (TDX_BUG_ON_2(err, TDH_MEM_SEPT_ADD, entry, level_state, vm))
		return -EIO;
	return 0;
}

static int tdx_sept_map_leaf_spte(struct kvm *vm, gfn_t gfn, enum pg_level level,
				  u64 new_spte)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	kvm_pfn_t pfn = spte_to_pfn(new_spte);
	int ret;

	if (KVM_BUG_ON(level > PG_LEVEL_2M, vm))
		return -EIO;
	/* Permissions cannot be given to the S-EPT: it is all or nothing. */
	WARN_ON_ONCE(env_of(vm), (new_spte & VMX_EPT_RWX_MASK) != VMX_EPT_RWX_MASK);

	ret = tdx_pamt_get(tdvm->globals, pfn, level, tdx_get_pamt_cache(vm));
	if (ret)
		return ret;
	if (likely(tdvm->state == TD_STATE_RUNNABLE))
		ret = tdx_mem_page_aug(vm, gfn, level, pfn);
	else
		ret = tdx_mem_page_add(vm, gfn, level, pfn);
	if (unlikely(ret))
		tdx_pamt_put(tdvm->globals, pfn, level);
	return ret;
}

/* -- Removing: mmu_lock held for write -- */

/* The page may still be in the S-EPT: from here on it is the policy's. */
static __noinline int tdx_remove_failed(struct kvm *vm, gfn_t gfn, enum pg_level level,
			     kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	vm->arch.failed_step = step + 1;
	vm->arch.failed_gfn = gfn;
	vm->arch.failed_err = err;
	hold_error_met(vm, step);
	if (defect_on(env_of(vm), DEFECT_FREE_ON_FAILED_ZAP))
		hold_call(vm, removed, gfn, level, pfn);
	else
		hold_call(vm, remove_failed, gfn, level, pfn, step, err);
	return -EIO;
}

/* REMOVE is refused, too, when it was the TRACK before it that failed. */
static enum hold_step failed_remove_step(u64 err)
{
	return TDX_STATUS(err) == TDX_TLB_TRACKING_NOT_DONE ? HOLD_STEP_TRACK : HOLD_STEP_REMOVE;
}

/* What wrappers that took a folio asked, before it was clear that folios do not matter here. */
static bool in_one_folio(struct kvm_tdx *tdvm, kvm_pfn_t pfn, u64 pages)
{
	struct folio *folio = page_folio(pfn_to_page(env_of(tdvm), pfn));

	return pfn - folio_pfn(folio) + pages <= folio_nr_pages(folio);
}

/* The module writes back 4 KB a call. */
static u64 tdx_wbinvd_leaf(struct kvm_tdx *tdvm, kvm_pfn_t pfn, enum pg_level level)
{
	u64 i, err = 0;

	if (series_bug(tdvm, SERIES_BUG_FOLIO_CHECK) &&
	    !in_one_folio(tdvm, pfn, KVM_PAGES_PER_HPAGE(level)))
		return TDX_OPERAND_INVALID;
	for (i = 0; i < KVM_PAGES_PER_HPAGE(level) && !err; i++)
		err = tdh_phymem_page_wbinvd_hkid(tdvm->globals, tdvm->hkid, pfn + i);
	return err;
}

static __noinline int tdx_sept_remove_leaf_spte(struct kvm *vm, gfn_t gfn, enum pg_level level,
					      u64 old_spte)
{
	int tdx_level = pg_level_to_tdx_sept_level(level);
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	kvm_pfn_t pfn = spte_to_pfn(old_spte);
	gpa_t gpa = gfn_to_gpa(gfn);
	/* Order block-abort did that for the whole range, and tracked it. */
	bool blocked = is_blocked_spte(old_spte);
	struct env *env = env_of(vm);
	u64 err, entry, level_state;

	lockdep_assert_held_write(&vm->mmu_lock);
	/* Without its key the S-EPT cannot be reached; there must be no leaf left. */
	if (KVM_BUG_ON(!is_hkid_assigned(tdvm), vm))
		return -EIO;
	if (KVM_BUG_ON(level > PG_LEVEL_2M, vm))
		return -EIO;
	if (unlikely(vm->vm_bugged) && series_bug(vm, SERIES_BUG_BAIL_OUT_BUGGED))
		return -EIO;

	if (!defect_on(env, DEFECT_SKIP_BLOCK) && likely(!blocked)) {
		err = tdh_do_no_vcpus(tdh_mem_range_block, vm, &tdvm->td, gpa,
				      tdx_level, &entry, &level_state);
		if (TDX_BUG_ON_2(err, TDH_MEM_RANGE_BLOCK, entry, level_state, vm))
			return tdx_remove_failed(vm, gfn, level, pfn, HOLD_STEP_BLOCK, err);
	}

	if (likely(!blocked))
		tdx_track(vm);

	if (!defect_on(env, DEFECT_SKIP_REMOVE)) {
		err = tdh_do_no_vcpus(tdh_mem_page_remove, vm, &tdvm->td, gpa,
				      tdx_level, &entry, &level_state);
		if (TDX_BUG_ON_2(err, TDH_MEM_PAGE_REMOVE, entry, level_state, vm))
			return tdx_remove_failed(vm, gfn, level, pfn,
						 failed_remove_step(err), err);
	}

	if (!defect_on(env, DEFECT_SKIP_WBINVD)) {
		err = tdx_wbinvd_leaf(tdvm, pfn, level);
		if (TDX_BUG_ON(err, TDH_PHYMEM_PAGE_WBINVD, vm))
			return tdx_remove_failed(vm, gfn, level, pfn, HOLD_STEP_WBINVD, err);
	}

	tdx_quirk_reset_paddr(tdvm->globals, pfn_to_hpa(pfn),
			      KVM_PAGES_PER_HPAGE(level) * PAGE_SIZE);
	tdx_pamt_put(tdvm->globals, pfn, level);
	hold_call(vm, removed, gfn, level, pfn);
	return 0;
}

/* -- What the TDP MMU calls -- */

int tdx_sept_set_private_spte(struct kvm *vm, gfn_t gfn, u64 old_spte,
			      u64 new_spte, enum pg_level level)
{
	lockdep_assert_held(&vm->mmu_lock);

	/* A present leaf is split, or else taken out, whatever replaces it. */
	if (is_shadow_present_pte(old_spte)) {
		if (is_shadow_present_pte(new_spte) && !is_last_spte(new_spte, level))
			return tdx_sept_split_private_spte(vm, gfn, level, old_spte, new_spte);
		return tdx_sept_remove_leaf_spte(vm, gfn, level, old_spte);
	}
	if (KVM_BUG_ON(!is_shadow_present_pte(new_spte), vm))
		return -EIO;
	if (!is_last_spte(new_spte, level))
		return tdx_sept_map_nonleaf_spte(vm, gfn, level, new_spte);
	return tdx_sept_map_leaf_spte(vm, gfn, level, new_spte);
}

/* A table of a dying TD. Pages the module keeps are never given back. */
void tdx_sept_free_private_spt(struct kvm *vm, struct kvm_mmu_page *sp)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct page *page = sp->external_spt;

	sp->external_spt = NULL;
	if (KVM_BUG_ON(is_hkid_assigned(tdvm), vm)) {
		mm_leak(page, 0, "S-EPT page freed while the HKID is assigned");
		return;
	}
	if (tdx_reclaim_page(tdvm->globals, page)) {
		mm_leak(page, 0, "PHYMEM.PAGE.RECLAIM of an S-EPT page failed");
		return;
	}
	if (defect_on(env_of(vm), DEFECT_LEAK_SEPT_PAGE))
		return;
	/* After the reclaim no reader of the table is left that RCU would wait for. */
	if (series_bug(vm, SERIES_BUG_SEPT_PAGE_FREED_BY_RCU))
		tdx_free_control_page_rcu(tdvm->globals, page);
	else
		tdx_free_control_page(tdvm->globals, page);
}

int tdx_topup_external_pamt_cache(struct kvm *vm, struct kvm_vcpu *v, u32 min_nr_spts)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);

	if (!tdx_supports_dynamic_pamt(tdvm->globals))
		return 0;
	if (!v)
		lock_assert_held(&tdvm->pamt_cache_lock, LOCK_EXCLUSIVE, __func__);
	return tdx_topup_pamt_cache(tdvm->globals, v ? &to_tdx(v)->pamt_cache : &tdvm->pamt_cache,
				    (min_nr_spts + 1) * TDX_DPAMT_ENTRY_PAGE_CNT);
}

struct tdx_pamt_cache *tdx_get_pamt_cache(struct kvm *vm)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct kvm_vcpu *v;

	if (!tdx_supports_dynamic_pamt(tdvm->globals))
		return NULL;
	v = kvm_get_running_vcpu(vm);
	if (v)
		return &to_tdx(v)->pamt_cache;
	lock_assert_held(&tdvm->pamt_cache_lock, LOCK_EXCLUSIVE, __func__);
	return &tdvm->pamt_cache;
}
