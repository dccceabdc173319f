// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a TD (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4): its KeyID is released
 * first (VP.FLUSH, VPFLUSHDONE, CACHE.WB a package, KEY.FREEID), then its pages
 * are reclaimed one by one, the TD root last. What the module refuses to give
 * back is leaked. Nothing is left out.
 */
#include "model/kvm/hold.h"
#include "model/kvm/tdx.h"
#include "model/mm/mm.h"

#define MAX_CACHE_WB_LOOPS	10000

/* -- Pages -- */

static int __tdx_reclaim_page(struct tdx_globals *globals, struct page *page)
{
	u64 rcx, rdx, r8;
	u64 err = tdh_phymem_page_reclaim(globals, page, &rcx, &rdx, &r8);

	/* There is nobody to contend with, so BUSY is a bug like any other. */
	if (TDX_WARN_ON_3(err, TDH_PHYMEM_PAGE_RECLAIM, rcx, rdx, r8, globals))
		return -EIO;
	return 0;
}

int tdx_reclaim_page(struct tdx_globals *globals, struct page *page)
{
	int r = __tdx_reclaim_page(globals, page);

	if (!r)
		tdx_quirk_reset_paddr(globals, page_to_phys(page), PAGE_SIZE);
	return r;
}

void tdx_reclaim_control_page(struct tdx_globals *globals, struct page *page)
{
	if (tdx_reclaim_page(globals, page))
		mm_leak(page, 0, "PHYMEM.PAGE.RECLAIM of a control page failed");
	else
		tdx_free_control_page(globals, page);
}

/* -- The KeyID -- */

static void smp_func_do_phymem_cache_wb(struct tdx_globals *globals)
{
	u64 err = 0;
	int i;

	/* It stops for interrupts; what it had done by then is not done again. */
	for (i = 0; i < MAX_CACHE_WB_LOOPS; i++) {
		err = tdh_phymem_cache_wb(globals, err != 0);
		if (err != TDX_INTERRUPTED_RESUMABLE)
			break;
	}
	if (err == TDX_NO_HKID_READY_TO_WBCACHE)
		return;
	/* Not passed on: KEY.FREEID will see that it is missing. */
	TDX_WARN_ON(err, TDH_PHYMEM_CACHE_WB, globals);
}

static void tdx_cache_wb_all_packages(struct tdx_globals *globals)
{
	struct task *task = current_task(globals->env);
	int here = task->cpu;
	u32 package;

	/* Each has a CPU online: tdx_offline_cpu() keeps the last while a KeyID is in use. */
	for (package = 0; package < globals->hw->package_count; package++) {
		task->cpu = tdx_package_cpu(globals, package);
		smp_func_do_phymem_cache_wb(globals);
		task->cpu = here;
	}
}

/* True when the module has the KeyID back; tdx_lock held. */
static bool tdx_free_keyid(struct kvm *vm)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	u64 err;

	err = tdh_mng_vpflushdone(&tdvm->td);
	/* A vCPU is still associated. Nothing is said and the KeyID stays. */
	if (err == TDX_FLUSHVP_NOT_DONE)
		return false;
	if (TDX_BUG_ON_IN("tdx_mmu_release_hkid", err, TDH_MNG_VPFLUSHDONE, vm)) {
		kmsg(env_of(vm), KMSG_ERR, "tdx_mmu_release_hkid",
		     "kvm_intel: tdh_mng_vpflushdone() failed. HKID %d is leaked.", tdvm->hkid);
		return false;
	}
	if (!defect_on(env_of(vm), DEFECT_SKIP_CACHE_WB))
		tdx_cache_wb_all_packages(tdvm->globals);

	err = tdh_mng_key_freeid(&tdvm->td);
	if (TDX_BUG_ON_IN("tdx_mmu_release_hkid", err, TDH_MNG_KEY_FREEID, vm)) {
		kmsg(env_of(vm), KMSG_ERR, "tdx_mmu_release_hkid",
		     "kvm_intel: tdh_mng_key_freeid() failed. HKID %d is leaked.", tdvm->hkid);
		return false;
	}
	return true;
}

void tdx_mmu_release_hkid(struct kvm *vm)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct tdx_globals *globals = tdvm->globals;
	struct kvm_vcpu *v;
	int i;

	if (!is_hkid_assigned(tdvm))
		return;
	down_read(globals->cpu_hotplug_lock);
	kvm_for_each_vcpu(i, v, vm)
		tdx_flush_vp_on_cpu(v);

	mutex_lock(&globals->tdx_lock);
	if (tdx_free_keyid(vm))
		tdx_hkid_free(tdvm);
	mutex_unlock(&globals->tdx_lock);
	up_read(globals->cpu_hotplug_lock);
}

/* -- Control pages -- */

void tdx_reclaim_td_control_pages(struct kvm *vm)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct tdx_globals *globals = tdvm->globals;
	struct tdx_td *td = &tdvm->td;
	u64 err;
	int i;

	/* The module would refuse: with the KeyID all of them are lost. */
	if (is_hkid_assigned(tdvm))
		return;
	for (i = 0; td->tdcs_pages && i < td->tdcs_nr_pages; i++) {
		if (td->tdcs_pages[i])
			tdx_reclaim_control_page(globals, td->tdcs_pages[i]);
		td->tdcs_pages[i] = NULL;
	}
	td->tdcs_pages = NULL;

	if (!td->tdr_page || defect_on(globals->env, DEFECT_SKIP_TEARDOWN))
		return;
	if (__tdx_reclaim_page(globals, td->tdr_page))
		return;
	/* The module wrote the root under its own key: those lines must go out, too. */
	err = tdh_phymem_page_wbinvd_tdr(td);
	if (TDX_BUG_ON(err, TDH_PHYMEM_PAGE_WBINVD, vm))
		return;
	tdx_quirk_reset_paddr(globals, page_to_phys(td->tdr_page), PAGE_SIZE);
	tdx_free_control_page(globals, td->tdr_page);
	td->tdr_page = NULL;
}

void tdx_leak_td_control_pages(struct kvm_tdx *tdvm, const char *reason)
{
	struct tdx_td *td = &tdvm->td;
	int i;

	for (i = 0; td->tdcs_pages && i < td->tdcs_nr_pages; i++) {
		if (td->tdcs_pages[i])
			mm_leak(td->tdcs_pages[i], 0, reason);
	}
	if (td->tdr_page)
		mm_leak(td->tdr_page, 0, reason);
}

void tdx_vm_destroy(struct kvm *vm)
{
	struct tdx_globals *globals = to_kvm_tdx(vm)->globals;

	tdx_free_pamt_cache(&to_kvm_tdx(vm)->pamt_cache);
	tdx_reclaim_td_control_pages(vm);
	if (!defect_on(env_of(vm), DEFECT_SKIP_TEARDOWN))
		tdx_leak_td_control_pages(to_kvm_tdx(vm), is_hkid_assigned(to_kvm_tdx(vm)) ?
			"control page kept: the HKID could not be released" :
			"control page kept: reclaim of the TD root failed");
	to_kvm_tdx(vm)->state = TD_STATE_UNINITIALIZED;
	tdx_rcu_softirq(globals);
}
