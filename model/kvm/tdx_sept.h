/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between tdx_sept.c, tdx_sept_huge.c and tdx_track.c: SEAMCALLs that must not
 * fail for contention, TLB tracking, and levels. mmu_lock is held for write.
 */
#ifndef SEPTUM_KVM_TDX_SEPT_H
#define SEPTUM_KVM_TDX_SEPT_H

#include "model/kvm/tdx.h"

static inline u8 pg_level_to_tdx_sept_level(enum pg_level level)
{
	return level - 1;
}

/*
 * A SEAMCALL that must not fail for contention. All vCPUs are thrown out and
 * held off, then it is tried again: with mmu_lock held for write nobody else is
 * left to contend with, and a second BUSY is the caller's bug.
 */
#define tdh_do_no_vcpus(tdh_func, vm, args...)					\
({										\
	struct kvm_tdx *kvm_tdx__ = to_kvm_tdx(vm);				\
	u64 err__;								\
										\
	lockdep_assert_held_write(&(vm)->mmu_lock);				\
	err__ = tdh_func(args);							\
	if (tdx_operand_busy(err__) &&						\
	    !defect_on(env_of(vm), DEFECT_SKIP_BUSY_RETRY)) {			\
		tdx_no_vcpus_enter_start(kvm_tdx__);				\
		err__ = tdh_func(args);						\
		tdx_no_vcpus_enter_stop(kvm_tdx__);				\
	}									\
	err__;									\
})

void tdx_no_vcpus_enter_start(struct kvm_tdx *tdvm);
void tdx_no_vcpus_enter_stop(struct kvm_tdx *tdvm);

/*
 * Advance the epoch and throw every vCPU out once, so that no TLB entry of
 * before the BLOCK is left and the next TRACK finds nobody of an older epoch.
 * A failure bugs the VM and shows again in the SEAMCALL that follows.
 */
void tdx_track(struct kvm *vm);

/* The 2M leaf @old_spte becomes the table @new_spte: DEMOTE. 0, -EIO. */
int tdx_sept_split_private_spte(struct kvm *vm, gfn_t gfn, enum pg_level level,
				u64 old_spte, u64 new_spte);

#endif /* SEPTUM_KVM_TDX_SEPT_H */
