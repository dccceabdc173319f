/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hold policies: what keeps a page that may still be mapped in an S-EPT from
 * being used by somebody else. One table of hooks each, a NULL hook does
 * nothing. The hook points, the locks held there and whether sleeping is
 * allowed are those a kernel patch would find in 7.3.4.
 *
 * A new policy is one row in hold_policies.def and its table in hold.c.
 */
#ifndef SEPTUM_KVM_HOLD_H
#define SEPTUM_KVM_HOLD_H

#include "model/kvm/kvm_host.h"

struct folio;

/* Which step of a removal failed: what the failure leaves behind differs. */
enum hold_step {
	HOLD_STEP_BLOCK,	/* still mapped */
	HOLD_STEP_TRACK,	/* blocked, a TLB may still hold it */
	HOLD_STEP_REMOVE,	/* blocked */
	HOLD_STEP_WBINVD,	/* free in the S-EPT, dirty lines of the TD's KeyID */
	HOLD_STEP_NR
};

struct hold_policy {
	/* Before PAGE.ADD or PAGE.AUG; mmu_lock read, no sleep. */
	void (*map)(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn);
	/* That SEAMCALL was busy or failed; mmu_lock read, no sleep. */
	void (*map_failed)(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			   kvm_pfn_t pfn, bool busy);
	/* The page is out of the S-EPT, written back and reset; mmu_lock write. */
	void (*removed)(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn);
	/* The removal stopped at @step with @err; mmu_lock write, no sleep. */
	void (*remove_failed)(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			      kvm_pfn_t pfn, enum hold_step step, u64 err);

	/* guest_memfd, folio lock held: 0 or what the guest's fault gets. */
	int (*get_pfn)(struct folio *folio, pgoff_t index);
	/* guest_memfd, invalidate_lock write, after the zap, before truncation:
	 * 0 or what the caller's ioctl returns. */
	int (*after_zap)(struct folio *folio);
	/* guest_memfd drops @folio: true keeps it (leaked) instead. Must not fail. */
	bool (*truncate)(struct folio *folio);
};

struct hold_policy_row {
	const char *name;
	const char *summary;
	const struct hold_policy *policy;
};

extern const struct hold_policy_row hold_policies[];
extern const u32 hold_policy_count;

/* NULL for an unknown name. */
const struct hold_policy *hold_policy_find(const char *name);

/* hold_call(kvm, removed, gfn, level, pfn): nothing for a policy without it. */
#define hold_call(kvm, hook, ...)						\
	do {									\
		const struct hold_policy *policy_ =				\
			kvm_globals_of(kvm)->policy;				\
		if (policy_->hook)						\
			policy_->hook(kvm, __VA_ARGS__);			\
	} while (0)

#endif /* SEPTUM_KVM_HOLD_H */
