/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What arch/x86/virt/vmx/tdx keeps and offers in Linux 7.3.4: bringing the TDX
 * module up, KeyIDs, and one tdh_*() wrapper a SEAMCALL. A wrapper knows the
 * registers of its leaf, flushes the cache lines of a page before it hands the
 * page over, and repeats on TDX_RND_NO_ENTROPY; it knows nothing of BUSY. All
 * return the 64-bit status. They run on the logical processor of the task that
 * calls them. Runtime update of the module is left out.
 */
#ifndef SEPTUM_KVM_TDX_VIRT_H
#define SEPTUM_KVM_TDX_VIRT_H

#include "model/hw/hw.h"
#include "sim/base/list.h"
#include "sim/base/pool.h"
#include "model/tdx/tables.h"
#include "model/tdx/tdx.h"

struct mm;
struct page;

/* Status bits and software codes of the kernel (asm/shared/tdx_errno.h, asm/tdx.h). */
#define TDX_SEAMCALL_STATUS_MASK		TDX_STATUS_MASK
#define TDX_ERROR				BIT_ULL(63)
#define TDX_NON_RECOVERABLE			BIT_ULL(62)
#define TDX_SW_ERROR				(TDX_ERROR | GENMASK_ULL(47, 40))

/* Most pages a TDCS or a TDVPS of a known module may want. */
#define TDX_TD_PAGES_MAX	16

struct tdx_td {
	struct tdx_globals *globals;
	struct page *tdr_page;
	int tdcs_nr_pages;
	struct page **tdcs_pages;
	struct page *tdcs_array[TDX_TD_PAGES_MAX];	/* what tdcs_pages points at */
	int tdcx_nr_pages;
};

struct tdx_vp {
	struct tdx_globals *globals;
	struct page *tdvpr_page;
	hpa_t tdvpr_pa;
	struct page **tdcx_pages;
	struct page *tdcx_array[TDX_TD_PAGES_MAX];
};

struct tdx_sys_info {
	u64 features0;
	u16 max_tdmrs, max_reserved_per_tdmr;
	u16 pamt_entry_size[3];		/* 4K, 2M, 1G */
	u16 pamt_page_bitmap_entry_bits;	/* dynamic PAMT: for a 4K page */
	u16 tdcs_base_size, tdvps_base_size;	/* bytes */
	u64 attributes_fixed0, attributes_fixed1;
	u64 xfam_fixed0, xfam_fixed1;
	u16 max_vcpus_per_td;
};

#define TDMR_RESERVED_MAX	16

/* As the module reads it; sizes in bytes. PAMT order in memory: 4K, 2M, 1G. */
struct tdmr_info {
	u64 base, size;
	u64 pamt_1g_base, pamt_1g_size;
	u64 pamt_2m_base, pamt_2m_size;
	u64 pamt_4k_base, pamt_4k_size;
	struct {
		u64 offset, size;
	} reserved_areas[TDMR_RESERVED_MAX];
};

#define TDX_HKID_MAX	64	/* guest KeyIDs, one bit each */

/* One a machine: kvm_globals.tdx. */
struct tdx_globals {
	struct env *env;
	struct hw *hw;
	struct tdx_module *module;
	struct mm *mm;
	bool enable_tdx;		/* module parameter "tdx" of kvm_intel */
	bool initialized;		/* tdx_get_sysinfo() is NULL until then */
	struct tdx_sys_info sysinfo;
	u16 global_keyid, guest_keyid_start, nr_guest_keyids;
	u64 guest_keyids;		/* BIT(n): guest_keyid_start + n is in use */
	u64 misc_cg_capacity, misc_cg_charged;	/* MISC_CG_RES_TDX */
	u64 misc_cg_limit;		/* of the one cgroup there is */
	struct lock tdx_lock;		/* SEAMCALLs that take the module globally */
	struct lock *cpu_hotplug_lock;	/* cpus_read_lock() */
	struct list_head associated_tdvcpus[HW_CPU_MAX];	/* IRQs off on that CPU */
	u64 cache_state_incoherent;	/* BIT(cpu) */
	bool bug_tdx_pw_mce;		/* X86_BUG_TDX_PW_MCE */
	struct tdmr_info tdmr;		/* RAM is one region: one covers it */
	/* Dynamic PAMT: pages the module has, by 2M region. 0 outside pamt_lock stays 0. */
	struct sparse pamt_refcounts;	/* u32 by pfn >> 9 */
	struct lock pamt_lock;		/* PAMT.ADD, PAMT.REMOVE, and DEMOTE with a pair */
	/* Series bug: S-EPT pages whose RCU callbacks have not run, linked by ->lru. */
	struct list_head rcu_pages;
	/* Hold policy tdx-shutdown: no CPU makes a SEAMCALL any more. */
	bool shut_down;
	/* What the module may read of host memory right now; NULL: nothing. */
	struct page *phys_page[2];
	const void *phys_bytes[2];
};

/*
 * Boot: KeyID partition, then SYS.INIT, LP.INIT on each CPU, SYS.CONFIG,
 * KEY.CONFIG a package, TDMR.INIT. NULL only when the machine has no memory for
 * it; a module that cannot be brought up leaves ->initialized false. *error is
 * then what tdx_enable() would return.
 */
struct tdx_globals *tdx_enable(struct env *env, struct hw *hw, struct mm *mm,
			       struct tdx_module *module, struct lock *cpu_hotplug_lock,
			       int *error);
const struct tdx_sys_info *tdx_get_sysinfo(struct tdx_globals *globals);

/* The module reads @page as @bytes (4 KiB) until tdx_phys_forget(). @slot: 0 or 1. */
void tdx_phys_provide(struct tdx_globals *globals, int slot, struct page *page,
		      const void *bytes);
void tdx_phys_forget(struct tdx_globals *globals);

/* Lowest free first; -ENOSPC. */
int tdx_guest_keyid_alloc(struct tdx_globals *globals);
void tdx_guest_keyid_free(struct tdx_globals *globals, int keyid);
u32 tdx_get_nr_guest_keyids(struct tdx_globals *globals);

/* A CPU of the package that can run something, -1 when none is online. */
int tdx_package_cpu(const struct tdx_globals *globals, u32 package);
/* -EBUSY for the last online CPU of its package while a guest KeyID is in use. */
int tdx_offline_cpu(struct tdx_globals *globals, int cpu);

/*
 * Dynamic PAMT (tdx_pamt.c): "Dynamic PAMT" v6 by Rick Edgecombe and Kirill
 * Shutemov, 25 May 2026. A 2M region of memory whose 4K pages the module uses
 * needs a pair of pages for their PAMT entries. Everything here does nothing
 * and succeeds while tdx_supports_dynamic_pamt() is false.
 */
#define TDX_DPAMT_ENTRY_PAGE_CNT	2
/* A fault adds at most a table a level, and one guest page: a pair each. */
#define TDX_PAMT_CACHE_MAX		((5 + 1) * TDX_DPAMT_ENTRY_PAGE_CNT)

/* Pages for pairs, obtained while sleeping was allowed. Who uses one locks it. */
struct tdx_pamt_cache {
	const char *site;		/* names it for allocation faults */
	u32 cnt;
	struct page *page[TDX_PAMT_CACHE_MAX];
};

bool tdx_supports_dynamic_pamt(const struct tdx_globals *globals);
void tdx_init_pamt_cache(struct tdx_pamt_cache *cache, const char *site);
/* At least @npages in it, <= TDX_PAMT_CACHE_MAX; may sleep. 0, -ENOMEM. */
int tdx_topup_pamt_cache(struct tdx_globals *globals, struct tdx_pamt_cache *cache, u32 npages);
void tdx_free_pamt_cache(struct tdx_pamt_cache *cache);
/*
 * Before the module gets the 4K page @pfn, after it gave it back. A page of
 * another @level needs no pair. @cache NULL: the caller may sleep. 0, -ENOMEM
 * (also: @cache is empty), -EIO (the module refused the pair; warned).
 */
int tdx_pamt_get(struct tdx_globals *globals, kvm_pfn_t pfn, enum pg_level level,
		 struct tdx_pamt_cache *cache);
void tdx_pamt_put(struct tdx_globals *globals, kvm_pfn_t pfn, enum pg_level level);
/* Pages counted in the region of @pfn, for probes. */
u32 tdx_pamt_refcount(struct tdx_globals *globals, kvm_pfn_t pfn);
/* A page with its pair in place. NULL: no memory, or the pair was refused. */
struct page *tdx_alloc_control_page(struct tdx_globals *globals, const char *site);
void tdx_free_control_page(struct tdx_globals *globals, struct page *page);
/* Series bug: the same from an RCU callback, so in a softirq, whoever holds what. */
void tdx_free_control_page_rcu(struct tdx_globals *globals, struct page *page);
/* That softirq, where one can come: interrupts are on. */
void tdx_rcu_softirq(struct tdx_globals *globals);

/* Boot, once sysinfo is known: the counts. 0, -ENOMEM. */
int init_pamt_metadata(struct tdx_globals *globals);
/* Accounting at the end of a machine: pairs of regions that are still counted. */
void tdx_pamt_leak_rest(struct tdx_globals *globals);
/* PAMT pairs against counts: INV_PAMT_PAIRS. Not while somebody holds pamt_lock. */
void tdx_pamt_check(struct tdx_globals *globals);

/* Only on machines with the partial-write erratum: MOVDIR64B of zeros. */
void tdx_quirk_reset_paddr(struct tdx_globals *globals, hpa_t base, u64 size);

/* A SEAMCALL with outputs, tried again while the module lacks randomness. */
u64 seamcall_ret(struct tdx_globals *globals, u64 fn, struct tdx_module_args *args);

u64 tdh_vp_enter(struct tdx_vp *p, struct tdx_module_args *args);
u64 tdh_mng_addcx(struct tdx_td *t, struct page *tdcs_page);
u64 tdh_mem_page_add(struct tdx_td *t, gpa_t gpa, kvm_pfn_t pfn,
		     struct page *source, u64 *ext_err1, u64 *ext_err2);
/* @level is the sept level, one less than enum pg_level; here and below. */
u64 tdh_mem_sept_add(struct tdx_td *t, gpa_t gpa, int level, struct page *page,
		     u64 *ext_err1, u64 *ext_err2);
u64 tdh_vp_addcx(struct tdx_vp *p, struct page *tdcx_page);
u64 tdh_mem_page_aug(struct tdx_td *t, gpa_t gpa, int level, kvm_pfn_t pfn,
		     u64 *ext_err1, u64 *ext_err2);
u64 tdh_mem_range_block(struct tdx_td *t, gpa_t gpa, int level,
			u64 *ext_err1, u64 *ext_err2);
u64 tdh_mem_range_unblock(struct tdx_td *t, gpa_t gpa, int level,
			  u64 *ext_err1, u64 *ext_err2);
u64 tdh_mng_key_config(struct tdx_td *t);
u64 tdh_mng_create(struct tdx_td *t, u16 hkid);
u64 tdh_vp_create(struct tdx_td *t, struct tdx_vp *p);
u64 tdh_mng_rd(struct tdx_td *t, u64 field, u64 *data);
u64 tdh_mr_extend(struct tdx_td *t, gpa_t gpa, u64 *ext_err1, u64 *ext_err2);
u64 tdh_mr_finalize(struct tdx_td *t);
u64 tdh_vp_flush(struct tdx_vp *p);
u64 tdh_mng_vpflushdone(struct tdx_td *t);
u64 tdh_mng_key_freeid(struct tdx_td *t);
u64 tdh_mng_init(struct tdx_td *t, hpa_t td_params, u64 *extended_err);
u64 tdh_vp_init(struct tdx_vp *p, u64 initial_rcx, u32 x2apicid);
u64 tdh_vp_rd(struct tdx_vp *p, u64 field, u64 *data);
u64 tdh_vp_wr(struct tdx_vp *p, u64 field, u64 data, u64 mask);
u64 tdh_phymem_page_reclaim(struct tdx_globals *globals, struct page *page,
			    u64 *tdx_pt, u64 *tdx_owner, u64 *tdx_size);
u64 tdh_mem_page_remove(struct tdx_td *t, gpa_t gpa, int level,
			u64 *ext_err1, u64 *ext_err2);
/*
 * @pfn: first frame of the large page, @new_sept_page: for the table of small
 * entries, which needs its own tdx_pamt_get() before. Dynamic PAMT, level 2M:
 * takes a pair from @cache and, on success, gives the region a count of 512; on
 * failure the pair is in @cache again. TDX_SW_ERROR: @cache had none.
 */
u64 tdh_mem_page_demote(struct tdx_td *t, gpa_t gpa, int level, kvm_pfn_t pfn,
			struct page *new_sept_page, struct tdx_pamt_cache *cache,
			u64 *ext_err1, u64 *ext_err2);
u64 tdh_mem_track(struct tdx_td *t);
u64 tdh_phymem_cache_wb(struct tdx_globals *globals, bool resume);
u64 tdh_phymem_page_wbinvd_tdr(struct tdx_td *t);
u64 tdh_phymem_page_wbinvd_hkid(struct tdx_globals *globals, u64 hkid, kvm_pfn_t pfn);

#endif /* SEPTUM_KVM_TDX_VIRT_H */
