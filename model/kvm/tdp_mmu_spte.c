// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing one SPTE (arch/x86/kvm/mmu/tdp_mmu.c, Linux 7.3.4): the atomic form
 * under mmu_lock(read), which holds a mirror entry frozen while the TDX module
 * does its part, and the plain form under mmu_lock(write), which changes the
 * mirror first and cannot take it back. Left out: NX huge page accounting
 * beyond its flag, since no private fault makes an executable-restricted page.
 */
#include "model/kvm/tdp_mmu.h"

static int __handle_changed_spte(struct kvm *kvm, struct kvm_mmu_page *sp, gfn_t gfn,
				 u64 old_spte, u64 new_spte, int level, bool shared);

static void trace_spte(struct kvm *kvm, struct kvm_mmu_page *sp, gfn_t gfn,
		       u64 from, u64 to, int level)
{
	struct trace_event event = {
		.kind = TRACE_SPTE,
		.spte = { .gfn = gfn, .from = from, .to = to, .level = level,
			  .mirror = is_mirror_sp(sp) },
	};

	trace_emit(env_of(kvm), &event);
}

static void tdp_mmu_write_spte(struct kvm *kvm, struct kvm_mmu_page *sp, u64 *sptep,
			       gfn_t gfn, u64 new_spte, int level)
{
	if (unlikely(trace_on(env_of(kvm), TRACE_SPTE)))
		trace_spte(kvm, sp, gfn, *sptep, new_spte, level);
	*sptep = new_spte;
}

/* A table leaves the tree; its frames go only when no walker can stand in it. */
static void tdp_mmu_unlink_sp(struct kvm *kvm, struct kvm_mmu_page *sp)
{
	kvm->arch.mmu.tdp_mmu_pages--;
	if (!sp->nx_huge_page_disallowed)
		return;
	spin_lock(&kvm->arch.mmu.tdp_mmu_pages_lock);
	sp->nx_huge_page_disallowed = false;
	spin_unlock(&kvm->arch.mmu.tdp_mmu_pages_lock);
}

/* xchg until the old value is not somebody's frozen window. */
static u64 tdp_mmu_freeze_shared(struct kvm *kvm, struct kvm_mmu_page *sp, u64 *sptep,
				 gfn_t gfn, int level)
{
	struct env *env = env_of(kvm);
	u64 old_spte;

	for (;;) {
		task_yield(env, YIELD_SPTE);
		old_spte = tdp_iter_read(sptep);
		tdp_mmu_write_spte(kvm, sp, sptep, gfn, FROZEN_SPTE, level);
		if (!is_frozen_spte(old_spte))
			return old_spte;
		if (task_spin(env, "handle_removed_pt", "a frozen SPTE's new value"))
			return SHADOW_NONPRESENT_VALUE;
	}
}

static void handle_changed_spte(struct kvm *kvm, struct kvm_mmu_page *sp, gfn_t gfn,
				u64 old_spte, u64 new_spte, int level, bool shared)
{
	int ret = __handle_changed_spte(kvm, sp, gfn, old_spte, new_spte, level, shared);

	KVM_BUG_ON(ret, kvm);
}

/* @sp was unlinked: every entry in it is frozen for good, then it is freed. */
static void handle_removed_pt(struct kvm *kvm, struct kvm_mmu_page *sp, bool shared)
{
	int level = sp->role.level;
	int i;

	tdp_mmu_unlink_sp(kvm, sp);
	for (i = 0; i < SPTE_ENT_PER_PAGE; i++) {
		u64 *sptep = &sp->spt[i];
		gfn_t gfn = sp->gfn + i * KVM_PAGES_PER_HPAGE(level);
		u64 old_spte;

		if (shared) {
			old_spte = tdp_mmu_freeze_shared(kvm, sp, sptep, gfn, level);
		} else {
			/* mmu_lock(write) keeps everybody else out. */
			old_spte = tdp_iter_read(sptep);
			if (!is_shadow_present_pte(old_spte))
				continue;
			tdp_mmu_write_spte(kvm, sp, sptep, gfn, FROZEN_SPTE, level);
		}
		handle_changed_spte(kvm, sp, gfn, old_spte, FROZEN_SPTE, level, shared);
	}
	if (is_mirror_sp(sp))
		kvm_x86_call(free_external_spt)(kvm, sp);
	tdp_mmu_call_rcu_free(kvm, sp);
}

/* Both not present: fine for MMIO entries and the frozen mark, else a bug. */
static void check_nonpresent_change(struct kvm *kvm, gfn_t gfn, u64 old_spte,
				    u64 new_spte, int level)
{
	bool expected = is_mmio_spte(&kvm->arch.mmu, old_spte) ||
			is_mmio_spte(&kvm->arch.mmu, new_spte) ||
			is_frozen_spte(new_spte);

	if (!WARN_ON_ONCE(env_of(kvm), !expected))
		return;
	kmsg(env_of(kvm), KMSG_ERR, "__handle_changed_spte",
	     "kvm: Unexpected SPTE change from 0x%llx to 0x%llx, both nonpresent (gfn 0x%llx, level %d)",
	     (unsigned long long)old_spte, (unsigned long long)new_spte,
	     (unsigned long long)gfn, level);
}

/* A leaf now names another frame without having been zapped: the host stops. */
static void leaf_pfn_changed(struct kvm *kvm, u64 old_spte, u64 new_spte, int level)
{
	struct env *env = env_of(kvm);

	kmsg(env, KMSG_ERR, "__handle_changed_spte",
	     "kvm: A leaf SPTE changed its pfn while present: 0x%llx -> 0x%llx, level %d",
	     (unsigned long long)old_spte, (unsigned long long)new_spte, level);
	mm_bug(env, "__handle_changed_spte", "a present leaf SPTE changed its pfn");
}

static int __handle_changed_spte(struct kvm *kvm, struct kvm_mmu_page *sp, gfn_t gfn,
				 u64 old_spte, u64 new_spte, int level, bool shared)
{
	bool was_present = is_shadow_present_pte(old_spte);
	bool is_present = is_shadow_present_pte(new_spte);
	bool was_leaf = was_present && is_last_spte(old_spte, level);
	bool is_leaf = is_present && is_last_spte(new_spte, level);
	bool pfn_changed = spte_to_pfn(old_spte) != spte_to_pfn(new_spte);
	struct env *env = env_of(kvm);

	WARN_ON_ONCE(env, level > PT64_ROOT_MAX_LEVEL || level < PG_LEVEL_4K);
	WARN_ON_ONCE(env, gfn & (KVM_PAGES_PER_HPAGE(level) - 1));

	if (was_leaf && is_leaf && pfn_changed)
		leaf_pfn_changed(kvm, old_spte, new_spte, level);
	if (old_spte == new_spte)
		return 0;
	if (is_leaf)
		WARN_ON_ONCE(env, is_writable_pte(new_spte) && !is_mmu_writable_spte(new_spte));
	if (!was_present && !is_present) {
		check_nonpresent_change(kvm, gfn, old_spte, new_spte, level);
		return 0;
	}

	if (was_present && !was_leaf && (is_leaf || !is_present ||
					 WARN_ON_ONCE(env, pfn_changed))) {
		handle_removed_pt(kvm, spte_to_child_sp(kvm->arch.mmu.host, old_spte), shared);
	} else if (is_mirror_sp(sp)) {
		int ret = kvm_x86_call(set_external_spte)(kvm, gfn, old_spte, new_spte, level);

		if (ret)
			return ret;
	}

	if (is_leaf != was_leaf)
		kvm->arch.mmu.pages[level - 1] += is_leaf ? 1 : -1;
	return 0;
}

/* try_cmpxchg64(): on failure ->old_spte is what is there now. */
static int __must_check __tdp_mmu_set_spte_atomic(struct kvm *kvm, struct tdp_iter *iter,
						  u64 new_spte)
{
	u64 seen;

	WARN_ON_ONCE(env_of(kvm), iter->yielded || is_frozen_spte(iter->old_spte));
	task_yield(env_of(kvm), YIELD_SPTE);
	seen = tdp_iter_read(iter->sptep);
	if (seen != iter->old_spte) {
		iter->old_spte = seen;
		return -EBUSY;
	}
	tdp_mmu_write_spte(kvm, tdp_iter_sp(iter), iter->sptep, iter->gfn, new_spte, iter->level);
	return 0;
}

int __must_check tdp_mmu_set_spte_atomic(struct kvm *kvm, struct tdp_iter *iter, u64 new_spte)
{
	struct kvm_mmu_page *sp = tdp_iter_sp(iter);
	bool mirror = is_mirror_sp(sp);
	u64 old_spte = iter->old_spte;
	int ret;

	lockdep_assert_held(&kvm->mmu_lock);
	if (WARN_ON_ONCE(env_of(kvm), is_frozen_spte(new_spte)))
		return -EBUSY;

	/* The window: nobody else touches the entry until the plain store below. */
	ret = __tdp_mmu_set_spte_atomic(kvm, iter, mirror ? FROZEN_SPTE : new_spte);
	if (ret)
		return ret;
	ret = __handle_changed_spte(kvm, sp, iter->gfn, old_spte, new_spte, iter->level, true);
	if (!mirror) {
		KVM_BUG_ON(ret, kvm);
		return ret;
	}
	if (ret && defect_on(env_of(kvm), DEFECT_KEEP_FROZEN))
		return ret;
	tdp_mmu_write_spte(kvm, sp, iter->sptep, iter->gfn, ret ? old_spte : new_spte,
			   iter->level);
	env_of(kvm)->sched.progress++;
	return ret;
}

u64 tdp_mmu_set_spte(struct kvm *kvm, struct kvm_mmu_page *sp, u64 *sptep,
		     u64 old_spte, u64 new_spte, gfn_t gfn, int level)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	WARN_ON_ONCE(env_of(kvm), is_frozen_spte(old_spte) || is_frozen_spte(new_spte));

	/* The CPU may have set Accessed or Dirty since the entry was read. */
	old_spte = tdp_iter_read(sptep);
	tdp_mmu_write_spte(kvm, sp, sptep, gfn, new_spte, level);
	handle_changed_spte(kvm, sp, gfn, old_spte, new_spte, level, false);
	return old_spte;
}
