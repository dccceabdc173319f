// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dynamic PAMT on the host's side (arch/x86/virt/vmx/tdx/tdx.c of the series
 * "Dynamic PAMT" v6, Rick Edgecombe and Kirill Shutemov, 25 May 2026): a count
 * a 2M region of the 4K pages the module has there, and the pair of pages that
 * the module keeps its 4K PAMT entries of the region in while that is not 0.
 * The series' text names no place of the get for an S-EPT page: it is taken
 * here where the page is handed over. Left out: the lazily filled vmalloc area
 * of the counts, of which only the size is taken from the machine.
 */
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdx_virt.h"
#include "model/mm/mm.h"

#define TDX_FEATURES0_DYNAMIC_PAMT	BIT_ULL(36)
#define TDX_PAMT_LEVEL_2M		1

bool tdx_supports_dynamic_pamt(const struct tdx_globals *globals)
{
	return globals->sysinfo.features0 & TDX_FEATURES0_DYNAMIC_PAMT;
}

static u32 *tdx_find_pamt_refcount(struct tdx_globals *globals, kvm_pfn_t pfn)
{
	return sparse_get(&globals->pamt_refcounts, pfn >> 9);
}

u32 tdx_pamt_refcount(struct tdx_globals *globals, kvm_pfn_t pfn)
{
	u32 *count = sparse_find(&globals->pamt_refcounts, pfn >> 9);

	return count ? *count : 0;
}

/* One counter of four bytes a region, up to the last frame there can be. */
int init_pamt_metadata(struct tdx_globals *globals)
{
	u64 regions = ALIGN_UP(globals->hw->frame_count, 512) >> 9;
	u64 pages = ALIGN_UP(regions * sizeof(u32), PAGE_SIZE) >> PAGE_SHIFT;

	sparse_init(&globals->pamt_refcounts, sizeof(u32), regions);
	lock_init(&globals->pamt_lock, LOCK_DPAMT, 0);
	INIT_LIST_HEAD(&globals->rcu_pages);
	if (!tdx_supports_dynamic_pamt(globals))
		return 0;
	for (; pages; pages--) {
		if (!alloc_page_for(globals->env, GFP_KERNEL, "pamt_refcounts"))
			return -ENOMEM;
	}
	return 0;
}

/* -- Pairs: from a cache or, where sleeping is allowed, from the allocator -- */

void tdx_init_pamt_cache(struct tdx_pamt_cache *cache, const char *site)
{
	cache->site = site;
	cache->cnt = 0;
}

int tdx_topup_pamt_cache(struct tdx_globals *globals, struct tdx_pamt_cache *cache, u32 npages)
{
	if (!tdx_supports_dynamic_pamt(globals))
		return 0;
	while (cache->cnt < npages) {
		struct page *page = alloc_page_for(globals->env, GFP_KERNEL_ACCOUNT, cache->site);

		if (!page)
			return -ENOMEM;
		cache->page[cache->cnt++] = page;
	}
	return 0;
}

void tdx_free_pamt_cache(struct tdx_pamt_cache *cache)
{
	while (cache->cnt)
		__free_page(cache->page[--cache->cnt]);
}

static struct page *tdx_alloc_page_pamt_cache(struct tdx_globals *globals,
					      struct tdx_pamt_cache *cache)
{
	if (!cache)
		return alloc_page_for(globals->env, GFP_KERNEL_ACCOUNT, "pamt_pair");
	return cache->cnt ? cache->page[--cache->cnt] : NULL;
}

static int alloc_pamt_array(struct tdx_globals *globals, struct tdx_pamt_cache *cache,
			    struct page *pair[TDX_DPAMT_ENTRY_PAGE_CNT])
{
	u32 i;

	for (i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++) {
		pair[i] = tdx_alloc_page_pamt_cache(globals, cache);
		if (pair[i])
			continue;
		while (i)
			__free_page(pair[--i]);
		return -ENOMEM;
	}
	return 0;
}

/* Whether or not the module ever had them: only it knows what it wrote. */
static void free_pamt_array(struct tdx_globals *globals,
			    struct page *const pair[TDX_DPAMT_ENTRY_PAGE_CNT])
{
	u32 i;

	for (i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++) {
		tdx_quirk_reset_paddr(globals, page_to_phys(pair[i]), PAGE_SIZE);
		__free_page(pair[i]);
	}
}

/* -- SEAMCALLs; pamt_lock held: the module locks a region's 2M entry in both -- */

static u64 pamt_2m_operand(kvm_pfn_t pfn)
{
	return ALIGN_DOWN(pfn_to_hpa(pfn), SZ_2M) | TDX_PAMT_LEVEL_2M;
}

static u64 tdh_phymem_pamt_add(struct tdx_globals *globals, kvm_pfn_t pfn,
			       struct page *const pair[TDX_DPAMT_ENTRY_PAGE_CNT])
{
	struct tdx_module_args args = {
		.rcx = pamt_2m_operand(pfn),
		.rdx = page_to_phys(pair[0]),
		.r8 = page_to_phys(pair[1]),
	};

	return seamcall_ret(globals, TDH_PHYMEM_PAMT_ADD, &args);
}

/* @pair: what comes back; untouched on an error. */
static u64 tdh_phymem_pamt_remove(struct tdx_globals *globals, kvm_pfn_t pfn,
				  struct page *pair[TDX_DPAMT_ENTRY_PAGE_CNT])
{
	struct tdx_module_args args = { .rcx = pamt_2m_operand(pfn) };
	u64 ret = seamcall_ret(globals, TDH_PHYMEM_PAMT_REMOVE, &args);

	if (ret)
		return ret;
	pair[0] = pfn_to_page(globals->env, hpa_to_pfn(args.rdx));
	pair[1] = pfn_to_page(globals->env, hpa_to_pfn(args.r8));
	return 0;
}

/* -- Counting -- */

/*
 * Whoever holds the lock has interrupts on. Only the series' old behaviour puts
 * anything there for a softirq to do, and that takes the lock.
 */
static void lock_pamt(struct tdx_globals *globals)
{
	spin_lock(&globals->pamt_lock);
	tdx_rcu_softirq(globals);
}

/* Accounting only: the kernel forgets the pair; the model has it from the module. */
static void leak_pair(struct tdx_globals *globals, const hpa_t pair[TDX_DPAMT_ENTRY_PAGE_CNT],
		      const char *reason)
{
	u32 i;

	for (i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++)
		mm_leak(pfn_to_page(globals->env, hpa_to_pfn(pair[i])), 0, reason);
}

int tdx_pamt_get(struct tdx_globals *globals, kvm_pfn_t pfn, enum pg_level level,
		 struct tdx_pamt_cache *cache)
{
	struct page *pair[TDX_DPAMT_ENTRY_PAGE_CNT];
	u64 err = 0;
	bool lost;
	u32 *count;

	if (!tdx_supports_dynamic_pamt(globals) || level != PG_LEVEL_4K)
		return 0;
	/* Whoever made it nonzero has the pair in place, and nobody takes it from under us. */
	count = tdx_find_pamt_refcount(globals, pfn);
	if (*count) {
		(*count)++;
		return 0;
	}
	if (alloc_pamt_array(globals, cache, pair))
		return -ENOMEM;

	lock_pamt(globals);
	lost = *count;
	if (!lost)
		err = tdh_phymem_pamt_add(globals, pfn, pair);
	if (!WARN_ON_ONCE(globals->env, err))
		(*count)++;
	spin_unlock(&globals->pamt_lock);

	if (lost || err)
		free_pamt_array(globals, pair);
	return err ? -EIO : 0;
}

/*
 * True with pamt_lock held when the count went to 0. It never is 0 while the
 * lock is free and the pair still there; the early version of the series let it.
 */
static bool pamt_dec_and_lock(struct tdx_globals *globals, u32 *count)
{
	if (series_bug(globals->env, SERIES_BUG_PAMT_PUT_BEFORE_LOCK)) {
		if (--*count)
			return false;
		lock_pamt(globals);
		return true;
	}
	if (*count > 1) {
		(*count)--;
		return false;
	}
	lock_pamt(globals);
	if (!--*count)
		return true;
	spin_unlock(&globals->pamt_lock);
	return false;
}

void tdx_pamt_put(struct tdx_globals *globals, kvm_pfn_t pfn, enum pg_level level)
{
	struct page *pair[TDX_DPAMT_ENTRY_PAGE_CNT];
	hpa_t given[TDX_DPAMT_ENTRY_PAGE_CNT];
	bool known;
	u32 *count;
	u64 err;

	if (!tdx_supports_dynamic_pamt(globals) || level != PG_LEVEL_4K)
		return;
	count = tdx_find_pamt_refcount(globals, pfn);
	if (WARN_ON_ONCE(globals->env, !*count))
		return;
	if (!pamt_dec_and_lock(globals, count))
		return;
	known = tdx_probe_pamt_pair(globals->module, pfn_to_hpa(pfn), given);
	err = tdh_phymem_pamt_remove(globals, pfn, pair);
	spin_unlock(&globals->pamt_lock);

	/* The count stays 0 although the pair is there: the next ADD will be refused. */
	if (!WARN_ON_ONCE(globals->env, err))
		free_pamt_array(globals, pair);
	else if (known)
		leak_pair(globals, given, "PAMT pair kept: PHYMEM.PAMT.REMOVE failed");
}

u64 tdh_mem_page_demote(struct tdx_td *t, gpa_t gpa, int level, kvm_pfn_t pfn,
			struct page *new_sept_page, struct tdx_pamt_cache *cache,
			u64 *ext_err1, u64 *ext_err2)
{
	struct tdx_globals *globals = t->globals;
	bool dpamt = tdx_supports_dynamic_pamt(globals) && level == TDX_PAMT_LEVEL_2M;
	struct page *pair[TDX_DPAMT_ENTRY_PAGE_CNT];
	struct tdx_module_args args = {
		.rcx = gpa | level,
		.rdx = page_to_phys(t->tdr_page),
		.r8 = page_to_phys(new_sept_page),
	};
	u64 ret;

	*ext_err1 = *ext_err2 = 0;
	hw_clflush(globals->hw, page_to_phys(new_sept_page), KEYID_SHARED);
	if (dpamt) {
		if (alloc_pamt_array(globals, cache, pair))
			return TDX_SW_ERROR;
		args.r12 = page_to_phys(pair[0]);
		args.r13 = page_to_phys(pair[1]);
		lock_pamt(globals);
	}
	ret = seamcall_ret(globals, TDH_MEM_PAGE_DEMOTE, &args);
	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	if (!dpamt)
		return ret;

	if (!ret) {
		u32 *count = tdx_find_pamt_refcount(globals, pfn);

		/* A count for each of the small pages, which each removal takes off. */
		WARN_ON_ONCE(globals->env, *count);
		*count = 512;
	}
	spin_unlock(&globals->pamt_lock);
	/* For the second try that a busy one gets. */
	if (ret) {
		cache->page[cache->cnt++] = pair[1];
		cache->page[cache->cnt++] = pair[0];
	}
	return ret;
}

/* -- Control pages -- */

struct page *tdx_alloc_control_page(struct tdx_globals *globals, const char *site)
{
	struct page *page = alloc_page_for(globals->env, GFP_KERNEL_ACCOUNT, site);

	if (!page)
		return NULL;
	if (!tdx_pamt_get(globals, page_to_pfn(page), PG_LEVEL_4K, NULL))
		return page;
	__free_page(page);
	return NULL;
}

void tdx_free_control_page(struct tdx_globals *globals, struct page *page)
{
	if (!page)
		return;
	tdx_pamt_put(globals, page_to_pfn(page), PG_LEVEL_4K);
	__free_page(page);
}

void tdx_free_control_page_rcu(struct tdx_globals *globals, struct page *page)
{
	list_add_tail(&page->lru, &globals->rcu_pages);
}

void tdx_rcu_softirq(struct tdx_globals *globals)
{
	while (!list_empty(&globals->rcu_pages)) {
		struct page *page = container_of(globals->rcu_pages.next, struct page, lru);

		list_del(&page->lru);
		tdx_free_control_page(globals, page);
	}
}

/* -- Checks and the end -- */

static void pair_is_counted(void *ctx, hpa_t range, u32 in_use)
{
	struct tdx_globals *globals = ctx;
	u32 count = tdx_pamt_refcount(globals, hpa_to_pfn(range));
	hpa_t pair[TDX_DPAMT_ENTRY_PAGE_CNT];

	/* A pair that the module did not give back: told when it happened. */
	tdx_probe_pamt_pair(globals->module, range, pair);
	if (pfn_to_page(globals->env, hpa_to_pfn(pair[0]))->flags & BIT_ULL(PG_model_leaked))
		return;
	check_that(globals->env, INV_PAMT_PAIRS, count && count >= in_use,
		   "2M region 0x%llx has a PAMT pair and %u 4K pages in use, the host counts %u",
		   (long long)range, in_use, count);
}

static void count_has_pair(struct tdx_globals *globals, u64 region)
{
	hpa_t pair[TDX_DPAMT_ENTRY_PAGE_CNT];

	check_that(globals->env, INV_PAMT_PAIRS,
		   tdx_probe_pamt_pair(globals->module, region * SZ_2M, pair),
		   "2M region 0x%llx has no PAMT pair, the host counts %u pages of it",
		   (long long)(region * SZ_2M), tdx_pamt_refcount(globals, region << 9));
}

static void for_each_counted_region(struct tdx_globals *globals,
				    void (*fn)(struct tdx_globals *globals, u64 region))
{
	u64 first;
	u32 i;

	for (first = sparse_next(&globals->pamt_refcounts, 0); first != ~0ULL;
	     first = sparse_next(&globals->pamt_refcounts, first + SPARSE_LEAF_SIZE)) {
		const u32 *count = sparse_find(&globals->pamt_refcounts, first);

		for (i = 0; i < SPARSE_LEAF_SIZE; i++)
			if (count[i])
				fn(globals, first + i);
	}
}

void tdx_pamt_check(struct tdx_globals *globals)
{
	if (!tdx_supports_dynamic_pamt(globals) || lock_is_held(&globals->pamt_lock))
		return;
	tdx_for_each_pamt_pair(globals->module, pair_is_counted, globals);
	for_each_counted_region(globals, count_has_pair);
}

static void leak_counted(struct tdx_globals *globals, u64 region)
{
	hpa_t pair[TDX_DPAMT_ENTRY_PAGE_CNT];

	if (tdx_probe_pamt_pair(globals->module, region * SZ_2M, pair))
		leak_pair(globals, pair,
			  "PAMT pair kept: a page of its 2M region was not given back");
}

void tdx_pamt_leak_rest(struct tdx_globals *globals)
{
	if (tdx_supports_dynamic_pamt(globals))
		for_each_counted_region(globals, leak_counted);
}
