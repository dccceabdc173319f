// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hold policies. no-hold is Linux 7.3.4 ("KVM: TDX: Drop superfluous page
 * pinning in S-EPT management"); always-pin is arch/x86/kvm/vmx/tdx.c as that
 * patch found it: get_page() before the S-EPT operation, put_page() when that
 * is busy or fails and after a removal went through to the end, and on no other
 * path, so that a removal that stops half-way keeps the page for ever. The others
 * are proposals of the discussion around that patch (June and July 2025), as far
 * as its mails describe them; how they account for what they keep is the model's.
 */
#include <string.h>

#include "model/kvm/hold.h"
#include "model/kvm/tdx_virt.h"
#include "model/mm/mm.h"

/* -- no-hold -- */

static const struct hold_policy hold_no_hold;

/* -- always-pin -- */

static struct folio *pfn_folio(struct kvm *kvm, kvm_pfn_t pfn)
{
	return page_folio(pfn_to_page(env_of(kvm), pfn));
}

static void tdx_pin(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	folio_get_as(pfn_folio(kvm, pfn), HOLDER_SEPT_PIN);
}

static void tdx_unpin(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn)
{
	folio_put_as(pfn_folio(kvm, pfn), HOLDER_SEPT_PIN);
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
	mm_leak(pfn_to_page(env_of(kvm), pfn), 0, reason[step]);
}

static const struct hold_policy hold_always_pin = {
	.map = tdx_pin,
	.map_failed = tdx_unpin_map_failed,
	.removed = tdx_unpin,
	.remove_failed = tdx_keep_pinned,
};

/* -- ref-on-fail: the proof of concept of June 2025, option a -- */

static void take_zap_error_ref(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	folio_get_as(pfn_folio(vm, pfn), HOLDER_ZAP_ERROR);
	mm_leak(pfn_to_page(env_of(vm), pfn), 0, "ref-on-fail: referenced when its removal failed");
}

static const struct hold_policy hold_ref_on_fail = {
	.remove_failed = take_zap_error_ref,
};

/* -- hwpoison: option g. Set here directly, without memory_failure() -- */

static void poison_failed_frame(struct kvm *vm, gfn_t gfn, enum pg_level level,
				kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	/* get_pfn refuses it and the allocator never takes it back. */
	SetPageHWPoison(pfn_to_page(env_of(vm), pfn));
}

static const struct hold_policy hold_hwpoison = {
	.remove_failed = poison_failed_frame,
};

/* -- host-bug: option h -- */

static void stop_the_host(struct kvm *vm, gfn_t gfn, enum pg_level level,
			  kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	mm_bug(env_of(vm), "tdx_sept_remove_leaf_spte", "removal from the S-EPT failed");
	/* Nothing runs on a host that is down, so nothing frees the frame either. */
	folio_get_as(pfn_folio(vm, pfn), HOLDER_ZAP_ERROR);
	mm_leak(pfn_to_page(env_of(vm), pfn), 0, "host-bug: the host is down");
}

static const struct hold_policy hold_host_bug = {
	.remove_failed = stop_the_host,
};

/* -- zero-on-fail: so that the next owner's partial store finds no TD-owned line -- */

static void reset_failed_frame(struct kvm *vm, gfn_t gfn, enum pg_level level,
			       kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	tdx_quirk_reset_paddr(kvm_globals_of(vm)->tdx, pfn_to_hpa(pfn), PAGE_SIZE);
}

static const struct hold_policy hold_zero_on_fail = {
	.remove_failed = reset_failed_frame,
};

/*
 * -- unmap-ret. One return value has room for one frame: of several that fail in
 * one unmap guest_memfd learns of the first only, the rest is as with no-hold --
 */

static void return_failed_frame(struct kvm *vm, gfn_t gfn, enum pg_level level,
				kvm_pfn_t pfn, enum hold_step step, u64 err)
{
	struct tdx_globals *globals = kvm_globals_of(vm)->tdx;

	if (globals->unmap_failed)
		return;
	globals->unmap_failed = true;
	globals->unmap_failed_pfn = pfn;
}

static int keep_returned_frame(struct folio *folio)
{
	struct tdx_globals *globals = kvm_globals_of(folio)->tdx;
	kvm_pfn_t first = folio_pfn(folio);

	if (!globals->unmap_failed || globals->unmap_failed_pfn < first ||
	    globals->unmap_failed_pfn >= first + folio_nr_pages(folio))
		return 0;
	globals->unmap_failed = false;
	folio_get_as(folio, HOLDER_GMEM);
	mm_leak(&folio->page, folio_order(folio), "unmap-ret: unmapping it failed");
	return -EIO;
}

static const struct hold_policy hold_unmap_ret = {
	.remove_failed = return_failed_frame,
	.after_zap = keep_returned_frame,
};

/* -- The table -- */

const struct hold_policy_row hold_policies[] = {
#define HOLD_POLICY(id, name, summary) { name, summary, &hold_##id },
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
};

const u32 hold_policy_count = ARRAY_SIZE(hold_policies);

const struct hold_policy *hold_policy_find(const char *name)
{
	u32 i;

	for (i = 0; i < hold_policy_count; i++) {
		if (!strcmp(hold_policies[i].name, name))
			return hold_policies[i].policy;
	}
	return NULL;
}
