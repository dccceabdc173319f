/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMU's part of struct kvm, struct kvm_vcpu and struct kvm_memory_slot:
 * kvm_host.h embeds these. Only arch/x86/kvm/mmu and tdx.c look inside
 * (Linux 7.3.4: asm/kvm_host.h, arch/x86/kvm/mmu/mmu_internal.h).
 */
#ifndef SEPTUM_KVM_MMU_TYPES_H
#define SEPTUM_KVM_MMU_TYPES_H

#include "sim/base/list.h"
#include "sim/base/pool.h"
#include "sim/base/task.h"

struct kvm;
struct page;

#define INVALID_PAGE		(~(hpa_t)0)
#define VALID_PAGE(hpa)		((hpa) != INVALID_PAGE)

#define PT64_ROOT_4LEVEL	4
#define PT64_ROOT_MAX_LEVEL	5
#define SPTE_ENT_PER_PAGE	512

#define KVM_MAX_HUGEPAGE_LEVEL	PG_LEVEL_1G
#define KVM_NR_PAGE_SIZES	(KVM_MAX_HUGEPAGE_LEVEL - PG_LEVEL_4K + 1)
#define KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE 40

union kvm_mmu_page_role {
	u32 word;
	struct {
		u32 level:4;
		u32 direct:1;
		u32 ad_disabled:1;
		u32 invalid:1;
		u32 is_mirror:1;
		u32 smm:8;		/* address space id */
	};
};

/* One page of page tables. Its 512 entries are in @spt, not in a frame. */
struct kvm_mmu_page {
	struct list_head link;		/* roots: kvm->arch.tdp_mmu_roots */
	struct kvm *kvm;
	bool tdp_mmu_page;
	bool tdp_mmu_scheduled_root_to_zap;
	union kvm_mmu_page_role role;
	gfn_t gfn;			/* first gfn it maps */
	u64 *spt;
	struct page *spt_page;		/* the frame a parent entry names */
	struct page *external_spt;	/* the page handed to the TDX module */
	u64 *ptep;			/* the parent's entry, NULL for a root */
	u32 tdp_mmu_root_count;		/* roots: references */
	struct kvm_mmu_page *rcu_next;	/* waits for the last RCU reader to leave */
};

/* Page sources that were filled while sleeping was allowed. */
struct kvm_mmu_memory_cache {
	const char *site;		/* names it for allocation faults */
	u32 nobjs;
	struct page *objects[KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE];
};

struct kvm_mmu_root_info {
	hpa_t pgd;
	hpa_t hpa;
};

/* vcpu->arch.mmu */
struct kvm_vcpu_arch_mmu {
	struct kvm_mmu_root_info root;	/* direct: shared memory of a TD */
	hpa_t mirror_root_hpa;		/* KVM's image of the S-EPT */
	union kvm_mmu_page_role root_role;
	u32 mmu_page_header_cache_nobjs;
	struct kvm_mmu_memory_cache mmu_shadow_page_cache, mmu_external_spt_cache;
};

/* One a machine: where page-table memory comes from. See mmu_host_create(). */
struct mmu_host {
	struct sparse shadow_pages;	/* struct kvm_mmu_page * by pfn of spt_page */
	struct pool headers;		/* struct kvm_mmu_page */
	struct pool spts;		/* u64[512] */
};

/* Where the last walk of a fault ended, so that the next one can begin there. */
struct tdp_walk_cache {
	struct kvm_mmu_page *root;	/* NULL: nothing is known */
	struct kvm_mmu_page *table;	/* of 4K entries */
	gfn_t region;			/* gfn >> 9 of what it maps */
};

/* kvm->arch.mmu */
struct kvm_arch_mmu {
	struct mmu_host *host;
	struct list_head tdp_mmu_roots;
	struct lock tdp_mmu_pages_lock;
	u32 rcu_readers;		/* tasks inside rcu_read_lock() */
	struct kvm_mmu_page *rcu_pages;	/* tables freed by call_rcu() meanwhile */
	struct tdp_walk_cache walked[2];	/* direct, mirror; emptied when a table goes */
	u64 tdp_mmu_pages;		/* page tables in use below the roots */
	u64 pages[KVM_NR_PAGE_SIZES];	/* leaves mapped, by level */
	u64 split_looked;		/* entries that splits of huge leaves looked at */
	u64 shadow_mmio_value;
};

/* disallow_lpage: bit 31 is KVM_LPAGE_MIXED_FLAG, below it a count. */
struct kvm_lpage_info {
	u32 disallow_lpage;
};

/* In struct kvm_memory_slot, as member "arch". */
struct kvm_arch_memory_slot {
	/* struct kvm_lpage_info by huge-page index, for 2M and 1G */
	struct sparse lpage_info[KVM_NR_PAGE_SIZES - 1];
	/* hva and gfn disagree below this level's size: counts start at 1 */
	bool lpage_misaligned[KVM_NR_PAGE_SIZES - 1];
	bool initialized;
};

#endif /* SEPTUM_KVM_MMU_TYPES_H */
