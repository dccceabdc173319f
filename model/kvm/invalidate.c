// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation counters: virt/kvm/kvm_main.c and mmu_invalidate_retry_gfn() of
 * include/linux/kvm_host.h, Linux 7.3.4. A fault remembers the sequence number,
 * looks up its page without a lock, and under mmu_lock asks whether somebody
 * invalidated meanwhile. Left out: the mmu_notifier half (ranges of host virtual
 * addresses), because slots here are backed by guest_memfd or by nothing.
 */
#include "model/kvm/kvm_host.h"
#include "model/kvm/mmu.h"

void kvm_mmu_invalidate_start(struct kvm *kvm)
{
	lockdep_assert_held_write(&kvm->mmu_lock);

	kvm->mmu_invalidate_in_progress++;
	if (likely(kvm->mmu_invalidate_in_progress == 1)) {
		kvm->mmu_invalidate_range_start = INVALID_GPA;
		kvm->mmu_invalidate_range_end = INVALID_GPA;
	}
}

void kvm_mmu_invalidate_range_add(struct kvm *kvm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	WARN_ON_ONCE(env_of(kvm), !kvm->mmu_invalidate_in_progress);

	if (likely(kvm->mmu_invalidate_range_start == INVALID_GPA)) {
		kvm->mmu_invalidate_range_start = start;
		kvm->mmu_invalidate_range_end = end;
		return;
	}
	/* One range covers all that is in flight; it shrinks only when nothing is. */
	if (start < kvm->mmu_invalidate_range_start)
		kvm->mmu_invalidate_range_start = start;
	if (end > kvm->mmu_invalidate_range_end)
		kvm->mmu_invalidate_range_end = end;
}

bool kvm_mmu_unmap_gfn_range(struct kvm *kvm, struct kvm_gfn_range *range)
{
	kvm_mmu_invalidate_range_add(kvm, range->start, range->end);
	return kvm_unmap_gfn_range(kvm, range);
}

void kvm_mmu_invalidate_end(struct kvm *kvm)
{
	lockdep_assert_held_write(&kvm->mmu_lock);

	kvm->mmu_invalidate_seq++;
	kvm->mmu_invalidate_in_progress--;
	env_of(kvm)->sched.progress++;
	KVM_BUG_ON(kvm->mmu_invalidate_in_progress < 0, kvm);
	WARN_ON_ONCE(env_of(kvm), kvm->mmu_invalidate_range_start == INVALID_GPA);
}

bool mmu_invalidate_retry_gfn(struct kvm *kvm, u64 seq, gfn_t gfn)
{
	lockdep_assert_held(&kvm->mmu_lock);

	if (unlikely(kvm->mmu_invalidate_in_progress)) {
		bool unset = kvm->mmu_invalidate_range_start == INVALID_GPA;

		if (WARN_ON_ONCE(env_of(kvm), unset))
			return true;
		if (gfn >= kvm->mmu_invalidate_range_start &&
		    gfn < kvm->mmu_invalidate_range_end)
			return true;
	}
	return kvm->mmu_invalidate_seq != seq;
}
