/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EPT entries as KVM writes them (Linux 7.3.4: arch/x86/kvm/mmu/spte.h). The
 * same encoding serves the direct root, which the CPU walks for shared memory,
 * and the mirror root, which nobody but KVM reads.
 */
#ifndef SEPTUM_KVM_SPTE_H
#define SEPTUM_KVM_SPTE_H

#include "model/kvm/mmu_types.h"

#define VMX_EPT_READABLE_MASK	BIT_ULL(0)
#define VMX_EPT_WRITABLE_MASK	BIT_ULL(1)
#define VMX_EPT_EXECUTABLE_MASK	BIT_ULL(2)
#define VMX_EPT_USER_EXEC_MASK	BIT_ULL(10)
#define VMX_EPT_RWX_MASK	(VMX_EPT_READABLE_MASK | VMX_EPT_WRITABLE_MASK | \
				 VMX_EPT_EXECUTABLE_MASK)
#define VMX_EPT_MT_WB		(6ULL << 3)
#define VMX_EPT_IPAT_BIT	BIT_ULL(6)
#define PT_PAGE_SIZE_MASK	BIT_ULL(7)
#define VMX_EPT_ACCESS_BIT	BIT_ULL(8)
#define VMX_EPT_DIRTY_BIT	BIT_ULL(9)
#define VMX_EPT_SUPPRESS_VE_BIT	BIT_ULL(63)

#define SPTE_MMU_PRESENT_MASK	BIT_ULL(11)
#define EPT_SPTE_HOST_WRITABLE	BIT_ULL(53)
#define EPT_SPTE_MMU_WRITABLE	BIT_ULL(55)
/* Mirror leaves under order block-abort: blocked in the S-EPT, TLBs tracked. */
#define SPTE_MIRROR_BLOCKED	BIT_ULL(56)
#define SPTE_BASE_ADDR_MASK	GENMASK_ULL(51, 12)

#define SHADOW_NONPRESENT_VALUE	VMX_EPT_SUPPRESS_VE_BIT
/* Owned by whoever is running the external operation for the entry. */
#define FROZEN_SPTE		(SHADOW_NONPRESENT_VALUE | 0x1a0ULL)
/* What tells an MMIO entry from the others: RWX and suppress-#VE. */
#define SHADOW_MMIO_MASK	(VMX_EPT_RWX_MASK | VMX_EPT_SUPPRESS_VE_BIT)

static inline bool is_frozen_spte(u64 entry)
{
	return entry == FROZEN_SPTE;
}

static inline bool is_shadow_present_pte(u64 entry)
{
	return entry & SPTE_MMU_PRESENT_MASK;
}

static inline bool is_blocked_spte(u64 entry)
{
	return entry & SPTE_MIRROR_BLOCKED;
}

static inline bool is_large_pte(u64 entry)
{
	return entry & PT_PAGE_SIZE_MASK;
}

static inline bool is_last_spte(u64 entry, int level)
{
	return level == PG_LEVEL_4K || is_large_pte(entry);
}

static inline bool is_shadow_present_leaf(u64 entry, int level)
{
	return is_shadow_present_pte(entry) && is_last_spte(entry, level);
}

static inline kvm_pfn_t spte_to_pfn(u64 entry)
{
	return (entry & SPTE_BASE_ADDR_MASK) >> PAGE_SHIFT;
}

static inline bool is_writable_pte(u64 entry)
{
	return entry & VMX_EPT_WRITABLE_MASK;
}

static inline bool is_executable_pte(u64 entry)
{
	return entry & VMX_EPT_EXECUTABLE_MASK;
}

static inline bool is_mmu_writable_spte(u64 entry)
{
	return entry & EPT_SPTE_MMU_WRITABLE;
}

static inline bool is_mmio_spte(const struct kvm_arch_mmu *mmu, u64 spte)
{
	return (spte & SHADOW_MMIO_MASK) == mmu->shadow_mmio_value &&
	       !is_shadow_present_pte(spte);
}

u64 make_nonleaf_spte(kvm_pfn_t child_pfn, bool ad_disabled);
/* @prefetch: nobody accessed it yet, so Accessed stays clear. */
u64 make_spte(kvm_pfn_t pfn, int level, bool prefetch, bool map_writable);
u64 make_mmio_spte(const struct kvm_arch_mmu *mmu, gfn_t gfn);
/* The entry of small page @index below the huge leaf @huge_spte. */
u64 make_small_spte(u64 huge_spte, union kvm_mmu_page_role role, int index);

#endif /* SEPTUM_KVM_SPTE_H */
