/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TDP MMU (Linux 7.3.4: arch/x86/kvm/mmu/tdp_mmu.[ch]). A TD has two kinds
 * of roots: direct for its shared memory, mirror for KVM's image of the S-EPT.
 * Every change of a mirror entry goes on to the TDX module.
 *
 *   tdp_mmu.c        page tables, roots
 *   tdp_mmu_map.c    mapping a fault
 *   tdp_mmu_split.c  splitting huge leaves, under mmu_lock(write)
 *   tdp_mmu_spte.c   changing one entry, the frozen-SPTE protocol
 *   tdp_mmu_zap.c    zapping leaves and whole roots
 */
#ifndef SEPTUM_KVM_TDP_MMU_H
#define SEPTUM_KVM_TDP_MMU_H

#include "model/kvm/mmu.h"
#include "model/kvm/tdp_iter.h"
#include "model/mm/mm.h"

enum kvm_tdp_mmu_root_types {
	KVM_INVALID_ROOTS = 1 << 0,
	KVM_DIRECT_ROOTS = 1 << 1,
	KVM_MIRROR_ROOTS = 1 << 2,
	KVM_VALID_ROOTS = KVM_MIRROR_ROOTS | KVM_DIRECT_ROOTS,
	KVM_ALL_ROOTS = KVM_INVALID_ROOTS | KVM_VALID_ROOTS,
};

static inline u64 tdp_mmu_max_gfn_exclusive(void)
{
	return kvm_mmu_max_gfn() + 1;
}

static inline bool is_mirror_sp(const struct kvm_mmu_page *table)
{
	return table->role.is_mirror;
}

/* The bits an index into @root has on top of the gfn. */
static inline gfn_t kvm_gfn_root_bits(const struct kvm *vm,
				      const struct kvm_mmu_page *root)
{
	return is_mirror_sp(root) ? 0 : kvm_gfn_direct_bits(vm);
}

/* The page table in frame @hpa, NULL if that frame is none. */
struct kvm_mmu_page *to_shadow_page(struct mmu_host *host, hpa_t hpa);

static inline struct kvm_mmu_page *spte_to_child_sp(struct mmu_host *host, u64 spte)
{
	return to_shadow_page(host, spte & SPTE_BASE_ADDR_MASK);
}

static inline struct kvm_mmu_page *root_to_sp(const struct kvm *vm, hpa_t root)
{
	return VALID_PAGE(root) ? to_shadow_page(vm->arch.mmu.host, root) : NULL;
}

void kvm_mmu_init_tdp_mmu(struct kvm *vm);
void kvm_mmu_uninit_tdp_mmu(struct kvm *vm);

/* Cannot fail. mmu_lock not held. */
void kvm_tdp_mmu_alloc_root(struct kvm_vcpu *v, bool mirror);
void kvm_tdp_mmu_put_root(struct kvm *vm, struct kvm_mmu_page *root);

/* RET_PF_*; mmu_lock held for read. */
int kvm_tdp_mmu_map(struct kvm_vcpu *v, struct kvm_page_fault *fault);
/* The initial image; slots_lock and the inode's invalidate_lock held. */
int kvm_tdp_mmu_map_private_pfn(struct kvm_vcpu *v, gfn_t gfn, kvm_pfn_t pfn);

bool kvm_tdp_mmu_zap_leafs(struct kvm *vm, gfn_t start, gfn_t end, bool flush);
struct kvm_unmapped kvm_tdp_mmu_unmap_gfn_range(struct kvm *vm, struct kvm_gfn_range *range,
						bool flush);
void kvm_tdp_mmu_zap_all(struct kvm *vm);
/*
 * No leaf above @target_level is left over [start, end) in roots of @types.
 * mmu_lock held for write, given away while memory is got. 0, -ENOMEM, -EIO:
 * the VM is bugged.
 */
int kvm_tdp_mmu_split_huge_pages(struct kvm *vm, gfn_t start, gfn_t end, int target_level,
				 enum kvm_tdp_mmu_root_types types);
/* Both VMs' slots_lock and all their vCPUs held. */
void kvm_tdp_mmu_move_mirror_roots_from(struct kvm *to, struct kvm *from);
void kvm_tdp_mmu_invalidate_roots(struct kvm *vm, enum kvm_tdp_mmu_root_types types);
void kvm_tdp_mmu_zap_invalidated_roots(struct kvm *vm, bool shared);

/* -- Between the TDP MMU's files -- */

/* 0, -EBUSY or -EIO: nothing changed unless 0. mmu_lock held for read. */
int __must_check tdp_mmu_set_spte_atomic(struct kvm *vm, struct tdp_iter *iter, u64 new_spte);
/*
 * mmu_lock held for write; the mirror changes first and is never set back. An
 * error of the TDX code has bugged the VM and is of no use but to a hold policy.
 */
int tdp_mmu_set_spte(struct kvm *vm, struct kvm_mmu_page *sp, u64 *sptep,
		     u64 *old_spte, u64 new_spte, gfn_t gfn, int level);
static inline int tdp_mmu_iter_set_spte(struct kvm *vm, struct tdp_iter *iter, u64 new_spte)
{
	return tdp_mmu_set_spte(vm, tdp_iter_sp(iter), iter->sptep, &iter->old_spte,
				new_spte, iter->gfn, iter->level);
}

/* The leaf is (no longer) blocked in the S-EPT, which knows already. */
void tdp_mmu_mark_spte_blocked(struct kvm *vm, struct tdp_iter *iter, bool blocked);

struct kvm_mmu_page *tdp_mmu_alloc_sp(struct kvm_vcpu *v);
/* An empty table, linked nowhere, whose frame is @page. */
struct kvm_mmu_page *tdp_mmu_new_sp(struct kvm *vm, struct page *page);
/* @sp is to be the table below the entry the walk stands on. */
void tdp_mmu_init_child_sp(struct kvm_mmu_page *sp, const struct tdp_iter *iter);
/*
 * Replace the huge leaf by @sp with 512 smaller ones that map the same. Under
 * mmu_lock(write), @shared false, it cannot fail; else -EBUSY or -EIO, @sp unused.
 */
int tdp_mmu_split_huge_page(struct kvm *vm, struct tdp_iter *iter,
			    struct kvm_mmu_page *sp, bool shared);
void kvm_mmu_alloc_external_spt(struct kvm_vcpu *v, struct kvm_mmu_page *sp);
/* Never linked: its pages go back to the allocator, not to the cache. */
void tdp_mmu_free_unused_sp(struct kvm *vm, struct kvm_mmu_page *sp);
/* Free @sp once every task has left its RCU read side. */
void tdp_mmu_call_rcu_free(struct kvm *vm, struct kvm_mmu_page *sp);
/* Page tables seen inside stay readable until tdp_mmu_rcu_read_unlock(). */
void tdp_mmu_rcu_read_unlock(struct kvm *vm);
static inline void tdp_mmu_rcu_read_lock(struct kvm *vm)
{
	vm->arch.mmu.rcu_readers++;
}

bool tdp_mmu_root_match(struct kvm_mmu_page *root, enum kvm_tdp_mmu_root_types types);
struct kvm_mmu_page *tdp_mmu_next_root(struct kvm *vm, struct kvm_mmu_page *prev_root,
				       enum kvm_tdp_mmu_root_types types);
/* Gives mmu_lock away if somebody waits for it; true when it did. */
bool tdp_mmu_iter_cond_resched(struct kvm *vm, struct tdp_iter *iter,
			       bool flush, bool shared);

#define for_each_tdp_mmu_root_yield_safe(kvm, root, types)			\
	for (root = tdp_mmu_next_root(kvm, NULL, types); root;			\
	     root = tdp_mmu_next_root(kvm, root, types))

#endif /* SEPTUM_KVM_TDP_MMU_H */
