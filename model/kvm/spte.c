// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making EPT entries (arch/x86/kvm/mmu/spte.c, Linux 7.3.4). EPT with accessed
 * and dirty bits, which TDX requires; no access tracking, no write protection
 * and no noncoherent DMA, so a leaf is always write-back.
 */
#include "model/kvm/spte.h"

u64 make_nonleaf_spte(kvm_pfn_t child_pfn, bool ad_disabled)
{
	u64 spte = SPTE_MMU_PRESENT_MASK | VMX_EPT_SUPPRESS_VE_BIT | pfn_to_hpa(child_pfn);

	spte |= VMX_EPT_RWX_MASK | VMX_EPT_USER_EXEC_MASK;
	return ad_disabled ? spte : spte | VMX_EPT_ACCESS_BIT;
}

u64 make_spte(kvm_pfn_t pfn, int level, bool prefetch, bool map_writable)
{
	u64 spte = SPTE_MMU_PRESENT_MASK | VMX_EPT_SUPPRESS_VE_BIT | pfn_to_hpa(pfn);

	spte |= VMX_EPT_READABLE_MASK | VMX_EPT_EXECUTABLE_MASK | VMX_EPT_USER_EXEC_MASK;
	spte |= VMX_EPT_MT_WB;
	if (!prefetch)
		spte |= VMX_EPT_ACCESS_BIT;
	if (level > PG_LEVEL_4K)
		spte |= PT_PAGE_SIZE_MASK;
	if (map_writable)
		spte |= VMX_EPT_WRITABLE_MASK | VMX_EPT_DIRTY_BIT |
			EPT_SPTE_HOST_WRITABLE | EPT_SPTE_MMU_WRITABLE;
	return spte;
}

u64 make_mmio_spte(const struct kvm_arch_mmu *mmu, gfn_t gfn)
{
	return mmu->shadow_mmio_value | (gfn_to_gpa(gfn) & SPTE_BASE_ADDR_MASK);
}

u64 make_small_spte(u64 huge_spte, union kvm_mmu_page_role role, int index)
{
	/* DEMOTE gives back 512 leaves that are not blocked. */
	u64 spte = (huge_spte & ~SPTE_MIRROR_BLOCKED) + ((u64)index << (PAGE_SHIFT + KVM_HPAGE_GFN_SHIFT(role.level)));

	return role.level == PG_LEVEL_4K ? spte & ~PT_PAGE_SIZE_MASK : spte;
}
