// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zapping in the TDP MMU (arch/x86/kvm/mmu/tdp_mmu.c, Linux 7.3.4): leaves of a
 * range, whole roots, and which roots an operation reaches. Every leaf zapped in
 * a mirror root is one full BLOCK, TRACK, REMOVE and write-back, under
 * mmu_lock(write). Left out: ageing, dirty logging and write protection, which
 * no private page ever sees, and recovery of huge pages.
 */
#include "model/kvm/hold.h"
#include "model/kvm/tdp_mmu.h"

/* rwlock_needbreak(): does anybody wait for @lock? */
static bool rwlock_needbreak(struct lock *lock)
{
	struct sched *sched = &env_of(lock)->sched;
	int i;

	if (likely(sched->live == 1))
		return false;
	for (i = 0; i < TASK_MAX; i++) {
		if (sched->task[i].state == TASK_BLOCKED && sched->task[i].waiting_for == lock)
			return true;
	}
	return false;
}

bool tdp_mmu_iter_cond_resched(struct kvm *vm, struct tdp_iter *it,
			       bool flush, bool shared)
{
	enum lock_mode mode = shared ? LOCK_SHARED : LOCK_EXCLUSIVE;

	/* Somebody must get on between two yields: no yield without progress. */
	if (it->next_last_level_gfn == it->yielded_gfn ||
	    likely(!rwlock_needbreak(&vm->mmu_lock)))
		return false;

	if (flush)
		kvm_flush_remote_tlbs(vm);
	tdp_mmu_rcu_read_unlock(vm);
	lock_release(&vm->mmu_lock, mode);
	lock_acquire(&vm->mmu_lock, mode);
	tdp_mmu_rcu_read_lock(vm);
	it->yielded = true;
	return true;
}

/* -- Leaves of a range -- */

static bool leaf_sticks_out(const struct tdp_iter *it, gfn_t start, gfn_t end)
{
	return it->gfn < start || it->gfn + KVM_PAGES_PER_HPAGE(it->level) > end;
}

/* The leaf just zapped is still in the S-EPT: of interest to one policy only. */
static struct kvm_unmapped leaf_failed(struct kvm *vm, u64 leaf_spte)
{
	return (struct kvm_unmapped){
		.failed = kvm_globals_of(vm)->policy->unmap_may_fail,
		.failed_pfn = spte_to_pfn(leaf_spte),
	};
}

static struct kvm_unmapped tdp_mmu_zap_leafs(struct kvm *vm, struct kvm_mmu_page *root,
					     gfn_t start, gfn_t end, bool may_yield,
					     struct kvm_unmapped sum)
{
	struct tdp_iter it;

	if (end > tdp_mmu_max_gfn_exclusive())
		end = tdp_mmu_max_gfn_exclusive();
	lockdep_assert_held_write(&vm->mmu_lock);

	tdp_mmu_rcu_read_lock(vm);
	for_each_tdp_pte(it, vm, root, start, end) {
		if (may_yield && tdp_mmu_iter_cond_resched(vm, &it, sum.flush, false)) {
			sum.flush = false;
			continue;
		}
		if (!is_shadow_present_pte(it.old_spte) ||
		    !is_last_spte(it.old_spte, it.level))
			continue;

		/* It goes whole: what it maps outside the range is lost to the guest. */
		WARN_ON_ONCE(env_of(vm), is_mirror_sp(root) && leaf_sticks_out(&it, start, end));
		if (unlikely(tdp_mmu_iter_set_spte(vm, &it, SHADOW_NONPRESENT_VALUE)))
			sum = kvm_unmapped_add(sum, leaf_failed(vm, it.old_spte));
		/* Whoever invalidated the root has flushed or will flush all of it. */
		if (!root->role.invalid)
			sum.flush = true;
	}
	tdp_mmu_rcu_read_unlock(vm);
	return sum;
}

bool kvm_tdp_mmu_zap_leafs(struct kvm *vm, gfn_t start, gfn_t end, bool flush)
{
	struct kvm_unmapped sum = { .flush = flush };
	struct kvm_mmu_page *root;

	lockdep_assert_held_write(&vm->mmu_lock);
	for_each_tdp_mmu_root_yield_safe(vm, root, KVM_VALID_ROOTS)
		sum = tdp_mmu_zap_leafs(vm, root, start, end, true, sum);
	return sum.flush;
}

/* Private memory is in the mirror root, shared memory in the direct one. */
static enum kvm_tdp_mmu_root_types
kvm_gfn_range_filter_to_root_types(struct kvm *vm, u8 filter)
{
	enum kvm_tdp_mmu_root_types types = 0;

	if (!kvm_has_mirrored_tdp(vm))
		return KVM_DIRECT_ROOTS;
	if (filter & KVM_FILTER_PRIVATE)
		types |= KVM_MIRROR_ROOTS;
	if (filter & KVM_FILTER_SHARED)
		types |= KVM_DIRECT_ROOTS;
	WARN_ON_ONCE(env_of(vm), !types);
	return types;
}

struct kvm_unmapped kvm_tdp_mmu_unmap_gfn_range(struct kvm *vm, struct kvm_gfn_range *range,
						bool flush)
{
	struct kvm_unmapped sum = { .flush = flush };
	enum kvm_tdp_mmu_root_types types;
	struct kvm_mmu_page *root;

	types = kvm_gfn_range_filter_to_root_types(vm, range->attr_filter) | KVM_INVALID_ROOTS;
	for_each_tdp_mmu_root_yield_safe(vm, root, types)
		sum = tdp_mmu_zap_leafs(vm, root, range->start, range->end,
					range->may_block, sum);
	return sum;
}

/* -- Whole roots -- */

/* One pass over the root: every present entry at or below @zap_level goes. */
static void __tdp_mmu_zap_root(struct kvm *vm, struct kvm_mmu_page *root,
			       bool shared, int zap_level)
{
	struct tdp_iter it;

	for_each_tdp_pte_min_level_all(it, root, zap_level) {
retry:
		if (tdp_mmu_iter_cond_resched(vm, &it, false, shared))
			continue;
		if (!is_shadow_present_pte(it.old_spte)) {
			/* Of a table of absent entries one is looked at: nobody waits. */
			if (!rwlock_needbreak(&vm->mmu_lock))
				tdp_iter_skip_absent(&it);
			continue;
		}
		if (it.level > zap_level)
			continue;
		if (!shared)
			tdp_mmu_iter_set_spte(vm, &it, SHADOW_NONPRESENT_VALUE);
		else if (tdp_mmu_set_spte_atomic(vm, &it, SHADOW_NONPRESENT_VALUE))
			goto retry;
	}
}

static void tdp_mmu_zap_root(struct kvm *vm, struct kvm_mmu_page *root, bool shared)
{
	/* It must stay reachable, or its entries would never be zapped at all. */
	WARN_ON_ONCE(env_of(vm), !root->tdp_mmu_root_count);
	lockdep_assert_held(&vm->mmu_lock);

	tdp_mmu_rcu_read_lock(vm);
	/* Small steps first, so that no single entry takes long to tear down. */
	__tdp_mmu_zap_root(vm, root, shared, PG_LEVEL_4K);
	__tdp_mmu_zap_root(vm, root, shared, PG_LEVEL_2M);
	__tdp_mmu_zap_root(vm, root, shared, PG_LEVEL_1G);
	__tdp_mmu_zap_root(vm, root, shared, root->role.level);
	tdp_mmu_rcu_read_unlock(vm);
}

void kvm_tdp_mmu_zap_all(struct kvm *vm)
{
	struct kvm_mmu_page *root;

	lockdep_assert_held_write(&vm->mmu_lock);
	/* Not the mirrors: private memory outlives the process that made the VM. */
	for_each_tdp_mmu_root_yield_safe(vm, root, KVM_DIRECT_ROOTS | KVM_INVALID_ROOTS)
		tdp_mmu_zap_root(vm, root, false);
}

void kvm_tdp_mmu_invalidate_roots(struct kvm *vm, enum kvm_tdp_mmu_root_types types)
{
	struct kvm_mmu_page *victim;

	if (WARN_ON_ONCE(env_of(vm), types & KVM_INVALID_ROOTS))
		types &= ~KVM_INVALID_ROOTS;
	if (vm->users_count)
		lockdep_assert_held_write(&vm->mmu_lock);

	list_for_each_entry(victim, &vm->arch.mmu.tdp_mmu_roots, link) {
		if (victim->role.invalid || !tdp_mmu_root_match(victim, types))
			continue;
		victim->tdp_mmu_scheduled_root_to_zap = true;
		victim->role.invalid = true;
	}
}

void kvm_tdp_mmu_zap_invalidated_roots(struct kvm *vm, bool shared)
{
	enum lock_mode mode = shared ? LOCK_SHARED : LOCK_EXCLUSIVE;
	struct kvm_mmu_page *victim;

	lock_acquire(&vm->mmu_lock, mode);
	for_each_tdp_mmu_root_yield_safe(vm, victim, KVM_ALL_ROOTS) {
		if (!victim->tdp_mmu_scheduled_root_to_zap)
			continue;
		victim->tdp_mmu_scheduled_root_to_zap = false;
		KVM_BUG_ON(!victim->role.invalid, vm);

		tdp_mmu_zap_root(vm, victim, shared);
		/* The reference the TDP MMU had since the victim was made. */
		kvm_tdp_mmu_put_root(vm, victim);
	}
	lock_release(&vm->mmu_lock, mode);
}
