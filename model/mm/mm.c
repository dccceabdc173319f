// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's memory management as one object: creation, the leak list, host
 * panic, and the audit over all struct pages. The model's own; the kernel has
 * no counterpart beyond its file-scope variables.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"

const struct mm_config mm_config_default = {
	.check_pages = true,
	.debug_vm = true,
	.lru_batches = true,
	.pcp_high = 186,
	.memory_failure_recovery = true,
	.enable_soft_offline = true,
};

static void pools_init(struct mm *mm)
{
	xa_pool_init(&mm->xa_nodes);
	pool_init(&mm->inodes, "inode", sizeof(struct inode));
	pool_init(&mm->files, "file", sizeof(struct file));
	pool_init(&mm->mm_structs, "mm_struct", sizeof(struct mm_struct));
	pool_init(&mm->vmas, "vm_area_struct", sizeof(struct vm_area_struct));
	pool_init(&mm->leak_pool, "leak", sizeof(struct mm_leak));
}

struct mm *mm_create(struct env *env, struct hw *hw, const struct mm_config *config)
{
	struct mm *mm = arena_alloc(env->arena, sizeof(*mm));

	mm->env = env;
	mm->hw = hw;
	mm->config = *config;
	mm->next_ino = 1;
	env->layer[LAYER_MM] = mm;
	pools_init(mm);
	zone_init(mm);
	vmemmap_init(mm);
	memory_failure_init(mm);
	mm_reserve(mm, 0, KERNEL_IMAGE_PAGES + vmemmap_frames(mm));
	hugetlb_init(mm);
	return mm;
}

int mm_sysctl(struct mm *mm, const char *name, u64 value)
{
	static const struct {
		const char *name;
		size_t at;
	} table[] = {
#define SYSCTL(name, field) { name, offsetof(struct mm_config, field) },
#include "model/mm/sysctls.def"
#undef SYSCTL
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name))
			continue;
		if (value > 1)
			return -EINVAL;
		*(bool *)((char *)&mm->config + table[i].at) = value;
		return 0;
	}
	return -ENOENT;
}

void mm_set_hooks(struct mm *mm, const struct mm_hooks *hooks)
{
	mm->hooks = *hooks;
}

void clear_highpage(struct page *page)
{
	hw_write(mm_of(page)->hw, page_to_phys(page), KEYID_SHARED, TOKEN_ZERO);
}

void folio_zero_range(struct folio *folio, u64 start, u64 length)
{
	kvm_pfn_t pfn = folio->pfn + (start >> PAGE_SHIFT);
	kvm_pfn_t end = folio->pfn + ((start + length) >> PAGE_SHIFT);

	/* By frame: the struct pages of a large folio need not exist. */
	hw_zero(mm_of(folio)->hw, pfn, end - pfn);
}

/* -- leaks ------------------------------------------------------------------- */

void mm_leak(struct page *page, u32 order, const char *reason)
{
	struct mm *mm = mm_of(page);
	struct mm_leak *leak;

	if (page->flags & BIT_ULL(PG_model_leaked))
		return;
	page->flags |= BIT_ULL(PG_model_leaked);
	leak = pool_alloc(&mm->leak_pool);
	*leak = (struct mm_leak){ mm->leaks, page->pfn, order, reason };
	mm->leaks = leak;
	mm->zone.nr_leaked += 1ULL << order;
	if (trace_on(mm->env, TRACE_PAGE))
		page_trace(mm, page->pfn, order, "leak");
}

void mm_unleak(struct page *page)
{
	struct mm *mm = mm_of(page);
	struct mm_leak **link, *leak;

	for (link = &mm->leaks; (leak = *link); link = &leak->next) {
		if (leak->pfn != page->pfn)
			continue;
		page->flags &= ~BIT_ULL(PG_model_leaked);
		mm->zone.nr_leaked -= 1ULL << leak->order;
		*link = leak->next;
		pool_free(&mm->leak_pool, leak);
		return;
	}
}

const struct mm_leak *mm_leaks(const struct mm *mm)
{
	return mm->leaks;
}

/* -- the end of the host --------------------------------------------------------- */

void mm_bug(struct env *env, const char *where, const char *text)
{
	mm_of(env)->host_down = true;
	kmsg(env, KMSG_BUG, where, "kernel BUG at %s: %s", where, text);
}

bool mm_host_down(const struct mm *mm)
{
	return mm->host_down || (mm->config.panic_on_warn && mm->env->checker.warn_count);
}

/* -- probes ------------------------------------------------------------------------ */

u64 mm_nr_in_use(const struct mm *mm)
{
	const struct zone *zone = &mm->zone;

	return zone->end_pfn - zone->nr_free - zone->nr_reserved - zone->nr_leaked -
	       hugetlb_pool_pages(mm);
}

static void check_folio(struct mm *mm, struct folio *folio)
{
	s64 sum = ledger_sum(folio);

	check_that(mm->env, INV_REFCOUNT_HAS_HOLDERS, sum == folio->_refcount,
		   "pfn %#x has count %d, its known holders have %lld", folio->pfn,
		   folio->_refcount, (long long)sum);
}

/* A set, highest first; of too many the highest, whatever came when. */
void note_recent_sorted(struct mm *mm, kvm_pfn_t pfn)
{
	u32 n = mm->nr_recent < MM_RECENT ? mm->nr_recent : MM_RECENT, at = 0;

	while (at < n && mm->recent[at] > pfn)
		at++;
	if (at == MM_RECENT || (at < n && mm->recent[at] == pfn))
		return;
	if (n == MM_RECENT)
		n--;
	memmove(&mm->recent[at + 1], &mm->recent[at], (n - at) * sizeof(mm->recent[0]));
	mm->recent[at] = pfn;
	mm->nr_recent = n + 1;
}

void mm_check_recent(struct mm *mm)
{
	u32 n = mm->nr_recent < MM_RECENT ? mm->nr_recent : MM_RECENT;

	mm->nr_recent = 0;
	while (n--) {
		struct page *page = find_page(mm, mm->recent[n]);

		if (page)
			check_folio(mm, page_folio(page));
	}
}

/* Its ledger only says for which page its folio's references are. */
static void check_tail(struct mm *mm, const struct page *page)
{
	check_that(mm->env, INV_REFCOUNT_HAS_HOLDERS, !page->_refcount,
		   "pfn %#x is a tail and has count %d", page->pfn, page->_refcount);
}

static u64 count_free_blocks(struct mm *mm)
{
	const struct extent *extent;
	u64 pages = 0;
	u32 order, i;

	for (order = 0; order < NR_PAGE_ORDERS; order++)
		pages += mm->zone.free_area[order].nr_free << order;
	for (extent = mm->zone.untouched; extent; extent = extent->next)
		pages += extent->end - extent->start;
	for (i = 0; i < HW_CPU_MAX; i++)
		pages += mm->cpu[i] ? mm->cpu[i]->pcp_count : 0;
	return pages;
}

void mm_check(struct mm *mm, u64 expected_in_use)
{
	u64 in_use = mm_nr_in_use(mm), counted = count_free_blocks(mm);
	struct vmemmap_leaf *leaf;
	kvm_pfn_t pfn;
	u32 i;

	for (pfn = 0; (leaf = vmemmap_next(mm, &pfn, mm->zone.end_pfn)); pfn += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++) {
			struct page *page = &leaf->page[i];

			if (PageTail(page))
				check_tail(mm, page);
			else
				check_folio(mm, (struct folio *)page);
		}
	check_that(mm->env, INV_FRAMES_ACCOUNTED, counted == mm->zone.nr_free,
		   "%llu frames on the free lists, %llu counted as free",
		   (unsigned long long)counted, (unsigned long long)mm->zone.nr_free);
	if (expected_in_use == ~0ULL)
		return;
	check_that(mm->env, INV_FRAMES_ACCOUNTED, in_use == expected_in_use,
		   "%llu frames are neither free, pooled nor on the leak list, expected %llu",
		   (unsigned long long)in_use, (unsigned long long)expected_in_use);
}
