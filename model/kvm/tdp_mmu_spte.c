// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing one SPTE (arch/x86/kvm/mmu/tdp_mmu.c, Linux 7.3.4): the atomic form
 * under mmu_lock(read), which holds a mirror entry frozen while the TDX module
 * does its part, and the plain form under mmu_lock(write), which changes the
 * mirror first and cannot take it back. Left out: NX huge page accounting,
 * since no fault makes an executable-restricted page.
 */
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"

static int __handle_changed_spte(struct kvm *vm, struct kvm_mmu_page *sp, gfn_t gfn,
				 u64 old_spte, u64 new_spte, int level, bool shared);

static __cold void trace_spte(struct kvm *vm, struct kvm_mmu_page *sp, gfn_t gfn,
		       u64 from, u64 to, int level)
{
	struct trace_event event = {
		.kind = TRACE_SPTE,
		.spte = { .gfn = gfn, .from = from, .to = to, .level = level,
			  .mirror = is_mirror_sp(sp) },
	};

	trace_emit(env_of(vm), &event);
}

static void tdp_mmu_write_spte(struct kvm *vm, struct kvm_mmu_page *sp, u64 *sptep,
			       gfn_t gfn, u64 new_spte, int level)
{
	if (unlikely(trace_on(env_of(vm), TRACE_SPTE)))
		trace_spte(vm, sp, gfn, *sptep, new_spte, level);
	*sptep = new_spte;
}

/* A table leaves the tree; its frames go only when no walker can stand in it. */
static void tdp_mmu_unlink_sp(struct kvm *vm, struct kvm_mmu_page *sp)
{
	vm->arch.mmu.tdp_mmu_pages--;
	vm->arch.mmu.walked[is_mirror_sp(sp)].root = NULL;
}

/* xchg until the old value is not somebody's frozen window. */
static u64 tdp_mmu_freeze_shared(struct kvm *vm, struct kvm_mmu_page *sp, u64 *sptep,
				 gfn_t gfn, int level)
{
	struct env *env = env_of(vm);
	u64 old_spte;

	for (;;) {
		task_yield(env, YIELD_SPTE);
		old_spte = tdp_iter_read(sptep);
		tdp_mmu_write_spte(vm, sp, sptep, gfn, FROZEN_SPTE, level);
		if (!is_frozen_spte(old_spte))
			return old_spte;
		if (task_spin(env, "handle_removed_pt", "a frozen SPTE's new value"))
			return SHADOW_NONPRESENT_VALUE;
	}
}

static int handle_changed_spte(struct kvm *vm, struct kvm_mmu_page *sp, gfn_t gfn,
				u64 old_spte, u64 new_spte, int level, bool shared)
{
	int ret = __handle_changed_spte(vm, sp, gfn, old_spte, new_spte, level, shared);

	KVM_BUG_ON(ret, vm);
	return ret;
}

/* @sp was unlinked: every entry in it is frozen for good, then it is freed. */
static __noinline void handle_removed_pt(struct kvm *vm, struct kvm_mmu_page *sp, bool shared)
{
	int level = sp->role.level;
	int i;

	tdp_mmu_unlink_sp(vm, sp);
	for (i = 0; i != SPTE_ENT_PER_PAGE; i++) {
		u64 *sptep = &sp->spt[i];
		gfn_t gfn = sp->gfn + i * KVM_PAGES_PER_HPAGE(level);
		u64 old_spte;

		if (shared) {
			old_spte = tdp_mmu_freeze_shared(vm, sp, sptep, gfn, level);
		} else {
			/* mmu_lock(write) keeps everybody else out. */
			old_spte = tdp_iter_read(sptep);
			if (!is_shadow_present_pte(old_spte))
				continue;
			tdp_mmu_write_spte(vm, sp, sptep, gfn, FROZEN_SPTE, level);
		}
		handle_changed_spte(vm, sp, gfn, old_spte, FROZEN_SPTE, level, shared);
	}
	if (is_mirror_sp(sp))
		kvm_x86_call(free_external_spt)(vm, sp);
	tdp_mmu_call_rcu_free(vm, sp);
}

/* Both not present: fine for MMIO entries and the frozen mark, else a bug. */
static __noinline void check_nonpresent_change(struct kvm *vm, gfn_t gfn, u64 old_spte,
					     u64 new_spte, int level)
{
	bool expected = is_mmio_spte(&vm->arch.mmu, old_spte) ||
			is_mmio_spte(&vm->arch.mmu, new_spte) ||
			is_frozen_spte(new_spte);

	if (!WARN_ON_ONCE(env_of(vm), !expected))
		return;
	kmsg(env_of(vm), KMSG_ERR, "__handle_changed_spte",
	     "kvm: Unexpected SPTE change from 0x%llx to 0x%llx, both nonpresent (gfn 0x%llx, level %d)",
	     (unsigned long long)old_spte, (unsigned long long)new_spte,
	     (unsigned long long)gfn, level);
}

/* A leaf now names another frame without having been zapped: the host stops. */
static __cold void leaf_pfn_changed(struct kvm *vm, u64 old_spte, u64 new_spte, int level)
{
	struct env *env = env_of(vm);

	kmsg(env, KMSG_ERR, "__handle_changed_spte",
	     "kvm: A leaf SPTE changed its pfn while present: 0x%llx -> 0x%llx, level %d",
	     (unsigned long long)old_spte, (unsigned long long)new_spte, level);
	mm_bug(env, "__handle_changed_spte", "a present leaf SPTE changed its pfn");
}

/* kvm_update_page_stats() */
static void count_leaf(struct kvm *vm, int level, bool before, bool after)
{
	if (after != before)
		vm->arch.mmu.pages[level - 1] += after ? 1 : -1;
}

/* The mirror's change goes on to the S-EPT. */
static inline int changed_mirror(struct kvm *vm, gfn_t gfn, u64 old_spte, u64 new_spte, int level,
				 bool leaf_before, bool leaf_after, bool shared)
{
	bool early = shared && series_bug(vm, SERIES_BUG_EARLY_STATS);
	int ret;

	if (early)
		count_leaf(vm, level, leaf_before, leaf_after);
	ret = kvm_x86_call(set_external_spte)(vm, gfn, old_spte, new_spte, level);
	if (!ret && !early)
		count_leaf(vm, level, leaf_before, leaf_after);
	return ret;
}

static int __handle_changed_spte(struct kvm *vm, struct kvm_mmu_page *sp, gfn_t gfn,
				 u64 old_spte, u64 new_spte, int level, bool shared)
{
	bool before = is_shadow_present_pte(old_spte);
	bool after = is_shadow_present_pte(new_spte);
	bool leaf_before = before && is_last_spte(old_spte, level);
	bool leaf_after = after && is_last_spte(new_spte, level);
	struct env *env = env_of(vm);
	bool moved;

	WARN_ON_ONCE(env, level > PT64_ROOT_MAX_LEVEL || level < PG_LEVEL_4K);
	WARN_ON_ONCE(env, gfn & (KVM_PAGES_PER_HPAGE(level) - 1));

	moved = before && spte_to_pfn(old_spte) != spte_to_pfn(new_spte);
	if (leaf_before && leaf_after && moved)
		leaf_pfn_changed(vm, old_spte, new_spte, level);
	if (old_spte == new_spte)
		return 0;
	if (leaf_after)
		WARN_ON_ONCE(env, is_writable_pte(new_spte) && !is_mmu_writable_spte(new_spte));
	/* What a guest's first touch makes of an entry. */
	if (likely(!before && after && is_mirror_sp(sp)))
		return changed_mirror(vm, gfn, old_spte, new_spte, level, false, leaf_after,
				      shared);
	if (!before && !after) {
		check_nonpresent_change(vm, gfn, old_spte, new_spte, level);
		return 0;
	}

	if (before && !leaf_before &&
	    (leaf_after || !after || WARN_ON_ONCE(env, moved))) {
		handle_removed_pt(vm, spte_to_child_sp(vm->arch.mmu.host, old_spte), shared);
	} else if (is_mirror_sp(sp)) {
		return changed_mirror(vm, gfn, old_spte, new_spte, level, leaf_before, leaf_after,
				      shared);
	}
	count_leaf(vm, level, leaf_before, leaf_after);
	return 0;
}

/* try_cmpxchg64(): on failure ->old_spte is what is there now. */
static int __must_check __tdp_mmu_set_spte_atomic(struct kvm *vm, struct tdp_iter *iter,
						  u64 new_spte)
{
	u64 seen;

	WARN_ON_ONCE(env_of(vm), iter->yielded || is_frozen_spte(iter->old_spte));
	task_yield(env_of(vm), YIELD_SPTE);
	seen = tdp_iter_read(iter->sptep);
	if (seen != iter->old_spte) {
		if (!series_bug(vm, SERIES_BUG_STALE_OLD_SPTE))
			iter->old_spte = seen;
		return -EBUSY;
	}
	tdp_mmu_write_spte(vm, tdp_iter_sp(iter), iter->sptep, iter->gfn, new_spte, iter->level);
	return 0;
}

int __must_check tdp_mmu_set_spte_atomic(struct kvm *vm, struct tdp_iter *iter, u64 new_spte)
{
	struct kvm_mmu_page *sp = tdp_iter_sp(iter);
	bool mirror = is_mirror_sp(sp);
	u64 old_spte = iter->old_spte;
	int ret;

	lockdep_assert_held(&vm->mmu_lock);
	if (WARN_ON_ONCE(env_of(vm), is_frozen_spte(new_spte)))
		return -EBUSY;

	/* The window: nobody else touches the entry until the plain store below. */
	ret = __tdp_mmu_set_spte_atomic(vm, iter, mirror ? FROZEN_SPTE : new_spte);
	if (ret)
		return ret;
	ret = __handle_changed_spte(vm, sp, iter->gfn, old_spte, new_spte, iter->level, true);
	if (!mirror) {
		KVM_BUG_ON(ret, vm);
		return ret;
	}
	if (ret && defect_on(env_of(vm), DEFECT_KEEP_FROZEN))
		return ret;
	tdp_mmu_write_spte(vm, sp, iter->sptep, iter->gfn, ret ? old_spte : new_spte,
			   iter->level);
	env_of(vm)->sched.progress++;
	return ret;
}

int tdp_mmu_set_spte(struct kvm *vm, struct kvm_mmu_page *sp, u64 *sptep,
		     u64 *old_spte, u64 new_spte, gfn_t gfn, int level)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	WARN_ON_ONCE(env_of(vm), is_frozen_spte(*old_spte) || is_frozen_spte(new_spte));

	/* The CPU may have set Accessed or Dirty since the entry was read. */
	*old_spte = tdp_iter_read(sptep);
	tdp_mmu_write_spte(vm, sp, sptep, gfn, new_spte, level);
	return handle_changed_spte(vm, sp, gfn, *old_spte, new_spte, level, false);
}

void tdp_mmu_mark_spte_blocked(struct kvm *vm, struct tdp_iter *iter, bool blocked)
{
	u64 spte = iter->old_spte & ~SPTE_MIRROR_BLOCKED;

	lockdep_assert_held_write(&vm->mmu_lock);
	iter->old_spte = blocked ? spte | SPTE_MIRROR_BLOCKED : spte;
	tdp_mmu_write_spte(vm, tdp_iter_sp(iter), iter->sptep, iter->gfn, iter->old_spte,
			   iter->level);
}
