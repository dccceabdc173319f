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

void kvm_mmu_invalidate_start(struct kvm *vm)
{
	lockdep_assert_held_write(&vm->mmu_lock);

	vm->mmu_invalidate_in_progress++;
	if (likely(vm->mmu_invalidate_in_progress == 1)) {
		vm->mmu_invalidate_range_start = INVALID_GPA;
		vm->mmu_invalidate_range_end = INVALID_GPA;
	}
}

void kvm_mmu_invalidate_range_add(struct kvm *vm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&vm->mmu_lock);
	WARN_ON_ONCE(env_of(vm), !vm->mmu_invalidate_in_progress);

	if (likely(vm->mmu_invalidate_range_start == INVALID_GPA)) {
		vm->mmu_invalidate_range_start = start;
		vm->mmu_invalidate_range_end = end;
		return;
	}
	/* One range covers all that is in flight; it shrinks only when nothing is. */
	if (start < vm->mmu_invalidate_range_start)
		vm->mmu_invalidate_range_start = start;
	if (end > vm->mmu_invalidate_range_end)
		vm->mmu_invalidate_range_end = end;
}

struct kvm_unmapped kvm_mmu_unmap_gfn_range(struct kvm *vm, struct kvm_gfn_range *range)
{
	kvm_mmu_invalidate_range_add(vm, range->start, range->end);
	return kvm_unmap_gfn_range(vm, range);
}

void kvm_mmu_invalidate_end(struct kvm *vm)
{
	lockdep_assert_held_write(&vm->mmu_lock);

	vm->mmu_invalidate_seq++;
	vm->mmu_invalidate_in_progress--;
	env_of(vm)->sched.progress++;
	KVM_BUG_ON(vm->mmu_invalidate_in_progress < 0, vm);
	WARN_ON_ONCE(env_of(vm), vm->mmu_invalidate_range_start == INVALID_GPA);
}

bool mmu_invalidate_retry_gfn(struct kvm *vm, u64 seq, gfn_t gfn)
{
	lockdep_assert_held(&vm->mmu_lock);

	if (unlikely(vm->mmu_invalidate_in_progress)) {
		bool unset = vm->mmu_invalidate_range_start == INVALID_GPA;

		if (WARN_ON_ONCE(env_of(vm), unset))
			return true;
		if (gfn >= vm->mmu_invalidate_range_start &&
		    gfn < vm->mmu_invalidate_range_end)
			return true;
	}
	return vm->mmu_invalidate_seq != seq;
}
