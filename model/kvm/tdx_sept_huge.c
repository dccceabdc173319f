// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge S-EPT leaves (arch/x86/kvm/vmx/tdx.c of "Dynamic PAMT + S-EPT hugepage"
 * v5 by Sean Christopherson, 28 Jan 2026, patches 39 and 42, after "TDX huge
 * pages" by Yan Zhao, v3 of 6 Jan 2026): when 2M is allowed, and splitting by
 * BLOCK, TRACK, kick and DEMOTE. No failure is taken back: the mirror has
 * changed before. Left out: 1G leaves and PROMOTE, which no version has.
 * Blocking leaves that stay in the mirror is the model's (mmu_split.c).
 */
#include "model/kvm/hold.h"
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/tdx_sept.h"

/* DEMOTE of a TD without nested VMs does not stop for interrupts. */
#define TDX_FEATURES0_ENHANCED_DEMOTE_INTERRUPTIBILITY	BIT_ULL(51)

static bool tdx_supports_demote_nointerrupt(const struct tdx_globals *globals)
{
	return globals->sysinfo.features0 & TDX_FEATURES0_ENHANCED_DEMOTE_INTERRUPTIBILITY;
}

/* The image of a TD is added in 4K pages; 0 is no limit. */
int tdx_gmem_max_mapping_level(struct kvm *vm, kvm_pfn_t pfn, bool is_private)
{
	const struct kvm_tdx *tdvm = to_kvm_tdx(vm);

	if (!is_private)
		return 0;
	if (kvm_globals_of(vm)->config.sept_huge <= PG_LEVEL_4K ||
	    tdvm->state != TD_STATE_RUNNABLE)
		return PG_LEVEL_4K;
	if (!tdx_supports_demote_nointerrupt(tdvm->globals) && !series_bug(vm, SERIES_BUG_FORCE_HUGE))
		return PG_LEVEL_4K;
	return PG_LEVEL_2M;
}

/* -- Splitting -- */

/*
 * Without an answer to interrupts a caller can only try again, for as long as
 * they come: no module bounds how often. That is why such modules get 4K only.
 */
static u64 tdx_demote(struct kvm *vm, gpa_t gpa, int tdx_level, kvm_pfn_t pfn,
		      struct page *external_spt, u64 *entry, u64 *level_state)
{
	struct tdx_pamt_cache *cache = tdx_get_pamt_cache(vm);
	struct tdx_td *td = &to_kvm_tdx(vm)->td;
	u64 err;

	do {
		err = tdh_do_no_vcpus(tdh_mem_page_demote, vm, td, gpa, tdx_level, pfn,
				      external_spt, cache, entry, level_state);
	} while (TDX_STATUS(err) == TDX_INTERRUPTED_RESTARTABLE &&
		 series_bug(vm, SERIES_BUG_FORCE_HUGE) &&
		 !task_spin(env_of(vm), "tdx_sept_split_private_spte", "interrupts to cease"));
	return err;
}

/* All of the huge page is mapped or blocked still. BUSY for ever is no such failure. */
static void tdx_split_failed(struct kvm *vm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn,
			     u64 err)
{
	if (tdx_operand_busy(err))
		return;
	hold_error_met(vm, HOLD_STEP_NR);
	hold_call(vm, demote_failed, gfn, level, pfn, err);
}

int tdx_sept_split_private_spte(struct kvm *vm, gfn_t gfn, enum pg_level level,
				u64 old_spte, u64 new_spte)
{
	struct kvm_mmu_page *sp = spte_to_child_sp(vm->arch.mmu.host, new_spte);
	int tdx_level = pg_level_to_tdx_sept_level(level);
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	gpa_t gpa = gfn_to_gpa(gfn);
	u64 err, entry, level_state;
	bool pamt;

	lockdep_assert_held_write(&vm->mmu_lock);
	if (KVM_BUG_ON(!is_hkid_assigned(tdvm), vm) || KVM_BUG_ON(level != PG_LEVEL_2M, vm) ||
	    KVM_BUG_ON(!sp->external_spt, vm))
		return -EIO;
	pamt = !series_bug(vm, SERIES_BUG_SPLIT_WITHOUT_PAMT);
	if (pamt && tdx_pamt_get(tdvm->globals, page_to_pfn(sp->external_spt), PG_LEVEL_4K,
				 tdx_get_pamt_cache(vm)))
		return -EIO;

	if (likely(!is_blocked_spte(old_spte))) {
		err = tdh_do_no_vcpus(tdh_mem_range_block, vm, &tdvm->td, gpa, tdx_level,
				      &entry, &level_state);
		if (TDX_BUG_ON_2(err, TDH_MEM_RANGE_BLOCK, entry, level_state, vm))
			goto failed;
		tdx_track(vm);
	}
	err = tdx_demote(vm, gpa, tdx_level, spte_to_pfn(old_spte), sp->external_spt,
			 &entry, &level_state);
	if (!TDX_BUG_ON_2(err, TDH_MEM_PAGE_DEMOTE, entry, level_state, vm))
		return 0;
failed:
	tdx_split_failed(vm, gfn, level, spte_to_pfn(old_spte), err);
	/* The table is in the mirror for good; its page the module never took. */
	if (pamt)
		tdx_pamt_put(tdvm->globals, page_to_pfn(sp->external_spt), PG_LEVEL_4K);
	return -EIO;
}

/* The huge page with @gfn in it, whose first gfn @gfn is not. */
static int tdx_split_at(struct kvm *vm, gfn_t gfn)
{
	return kvm_tdp_mmu_split_huge_pages(vm, gfn, gfn + 1, PG_LEVEL_4K, KVM_MIRROR_ROOTS);
}

/*
 * At most two huge pages are looked at, however long the range is. Nobody's fault
 * this is, so PAMT pairs come from the VM's cache; its lock is a mutex because
 * the cache is filled while it is held.
 */
int tdx_split_borders(struct kvm *vm, gfn_t start, gfn_t end)
{
	u64 mask = KVM_PAGES_PER_HPAGE(PG_LEVEL_2M) - 1;
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	bool head = start & mask, tail = end & mask;
	int err = 0;

	mutex_lock(&tdvm->pamt_cache_lock);
	write_lock(&vm->mmu_lock);
	if (unlikely(series_bug(vm, SERIES_BUG_SPLIT_WALKS_ALL))) {
		head = tail = false;
		err = kvm_tdp_mmu_split_huge_pages(vm, start, end, PG_LEVEL_4K, KVM_MIRROR_ROOTS);
	}
	if (head)
		err = tdx_split_at(vm, start);
	/* One huge page with both ends in it was split for the first. */
	if (!err && tail && !(head && (start & ~mask) == (end & ~mask)))
		err = tdx_split_at(vm, end);
	write_unlock(&vm->mmu_lock);
	mutex_unlock(&tdvm->pamt_cache_lock);
	return err;
}

/* -- Blocked leaves that stay in the mirror -- */

int tdx_sept_block_private_spte(struct kvm *vm, gfn_t gfn, enum pg_level level)
{
	u64 err, entry, level_state;

	err = tdh_do_no_vcpus(tdh_mem_range_block, vm, &to_kvm_tdx(vm)->td, gfn_to_gpa(gfn),
			      pg_level_to_tdx_sept_level(level), &entry, &level_state);
	return err ? -EIO : 0;
}

int tdx_sept_unblock_private_spte(struct kvm *vm, gfn_t gfn, enum pg_level level)
{
	u64 err, entry, level_state;

	err = tdh_do_no_vcpus(tdh_mem_range_unblock, vm, &to_kvm_tdx(vm)->td, gfn_to_gpa(gfn),
			      pg_level_to_tdx_sept_level(level), &entry, &level_state);
	return err ? -EIO : 0;
}

int tdx_sept_track(struct kvm *vm)
{
	u64 err;

	if (to_kvm_tdx(vm)->state != TD_STATE_RUNNABLE)
		return 0;
	err = tdh_do_no_vcpus(tdh_mem_track, vm, &to_kvm_tdx(vm)->td);
	kvm_make_all_cpus_request(vm, KVM_REQ_OUTSIDE_GUEST_MODE);
	return err ? -EIO : 0;
}
