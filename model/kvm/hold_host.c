// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold policies that mark nothing: no-hold, which is Linux 7.3.4; zero-on-fail,
 * which resets the frame on erratum machines (R. Edgecombe, 11 July 2025);
 * host-bug, option h; tdx-shutdown (R. Edgecombe, 30 June 2025): as kexec does,
 * every CPU leaves SEAM mode, caches are written back and no SEAMCALL is made any
 * more. Later ones get the kernel's software error, those of zap and cleanup
 * success (tdx_seamcall.c). Trusted devices, which would go on, do not exist here.
 */
#include "model/kvm/hold_internal.h"
#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"

/* -- no-hold -- */

const struct hold_policy hold_no_hold;

/* -- zero-on-fail: so that the next owner's partial store finds no TD-owned line -- */

static void reset_failed_frame(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	tdx_quirk_reset_paddr(kvm_globals_of(vm)->tdx, pfn_to_hpa(pfn),
			      KVM_PAGES_PER_HPAGE(level) * PAGE_SIZE);
}

const struct hold_policy hold_zero_on_fail = {
	.remove_failed = reset_failed_frame,
};

/* -- host-bug -- */

static void stop_the_host(struct kvm *vm, kvm_pfn_t pfn)
{
	struct folio *folio = pfn_folio(vm, pfn);

	mm_bug(env_of(vm), "tdx_sept_remove_leaf_spte", "removal from the S-EPT failed");
	/* Nothing runs on a host that is down, so nothing frees the frame either. */
	folio_get_as(folio, HOLDER_ZAP_ERROR);
	hold_lost(folio, "host-bug: the host is down");
}

static void host_bug_remove(struct kvm *vm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	stop_the_host(vm, pfn);
}

static void host_bug_demote(struct kvm *vm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, u64 err)
{
	stop_the_host(vm, pfn);
}

const struct hold_policy hold_host_bug = {
	.remove_failed = host_bug_remove,
	.demote_failed = host_bug_demote,
};

/* -- tdx-shutdown -- */

/* One IPI to all CPUs: no vCPU runs from here on, no line of a TD is in a cache. */
static void tdx_shut_down(struct kvm *culprit)
{
	struct kvm_globals *globals = kvm_globals_of(culprit);
	struct tdx_globals *tdx = globals->tdx;
	struct kvm *kvm;
	u32 package;

	if (tdx->shut_down)
		return;
	tdx->shut_down = true;
	list_for_each_entry(kvm, &globals->vm_list, vm_list)
		if (is_td(kvm))
			kvm_vm_bugged(kvm);
	for (package = 0; package < tdx->hw->package_count; package++)
		hw_wbinvd(tdx->hw, package);
	tdx->cache_state_incoherent = 0;
	kmsg(globals->host.env, KMSG_ERR, __func__, "virt/tdx: module shut down, all TDs are dead");
}

static void shutdown_remove(struct kvm *vm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	tdx_shut_down(vm);
	/* Nobody will use it under the TD's key again: reset like any page given back. */
	tdx_quirk_reset_paddr(kvm_globals_of(vm)->tdx, pfn_to_hpa(pfn),
			      KVM_PAGES_PER_HPAGE(level) * PAGE_SIZE);
}

static void shutdown_demote(struct kvm *vm, gfn_t gfn, enum pg_level level,
			    kvm_pfn_t pfn, u64 err)
{
	tdx_shut_down(vm);
}

const struct hold_policy hold_tdx_shutdown = {
	.remove_failed = shutdown_remove,
	.demote_failed = shutdown_demote,
};
