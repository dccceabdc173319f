// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hold policies. no-hold is Linux 7.3.4 ("KVM: TDX: Drop superfluous page
 * pinning in S-EPT management"); always-pin is arch/x86/kvm/vmx/tdx.c as that
 * patch found it: get_page() before the S-EPT operation, put_page() when that
 * is busy or fails and after a removal went through to the end, and on no other
 * path, so that a removal that stops half-way keeps the page for ever.
 */
#include <string.h>

#include "model/kvm/hold.h"
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
