// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buddy allocator: mm/page_alloc.c of Linux 7.3.4, one zone, one node, one
 * migrate type. Orders 0 to 10, merge and split rules, the per-CPU list of
 * order-0 pages, checks at allocation and free, poisoned pages kept away.
 *
 * RAM nobody has touched is a few extents of order-10 blocks that count as the
 * tail of that free list, as after boot; a block gets struct pages when it is
 * first taken. Per-CPU lists are filled one page at a time (but see rmqueue_pcplist())
 * and hold order 0 only.
 *
 * Left out: zones, nodes, migrate types and their fallback, watermarks and
 * reclaim (an allocation fails when there is nothing or the injector says so),
 * highatomic reserves. Blocks by address and alloc_contig: page_range.c.
 */
#include "model/mm/buddy.h"

#define PCP_BATCH	63	/* pages taken, or given back, at once */

void zone_init(struct mm *mm)
{
	struct zone *zone = &mm->zone;
	u32 order;

	zone->end_pfn = mm->hw->frame_count;
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		INIT_LIST_HEAD(&zone->free_area[order].free_list);
	pool_init(&zone->extents, "extent", sizeof(struct extent));
	zone->untouched = pool_alloc(&zone->extents);
	zone->untouched->end = ALIGN_DOWN(zone->end_pfn, BLOCK_PAGES);
	zone->nr_free = zone->untouched->end;
	zone->nr_reserved = zone->end_pfn - zone->nr_free;
}

struct mm_cpu *this_cpu_mm(struct mm *mm)
{
	int id = current_task(mm->env)->cpu & (HW_CPU_MAX - 1);
	struct mm_cpu *cpu = mm->cpu[id];

	if (likely(cpu))
		return cpu;
	cpu = arena_alloc(mm->env->arena, sizeof(*cpu));
	INIT_LIST_HEAD(&cpu->pcp);
	mm->cpu[id] = cpu;
	return cpu;
}

/* -- free lists ------------------------------------------------------------ */

void add_to_free_list(struct zone *zone, struct page *page, u32 order, bool tail)
{
	struct free_area *area = zone->free_area + order;

	page->page_type = PGTY_buddy << 24;
	page->private = order;
	if (tail)
		list_add_tail(&page->buddy_list, &area->free_list);
	else
		list_add(&page->buddy_list, &area->free_list);
	area->nr_free++;
}

void del_page_from_free_list(struct zone *zone, struct page *page, u32 order)
{
	list_del(&page->buddy_list);
	page->buddy_list.next = NULL;
	page->buddy_list.prev = NULL;
	page->page_type = PAGE_TYPE_NONE;
	page->private = 0;
	zone->free_area[order].nr_free--;
}

struct extent *untouched_extent(struct zone *zone, kvm_pfn_t pfn)
{
	struct extent *extent;

	for (extent = zone->untouched; extent; extent = extent->next)
		if (pfn >= extent->start && pfn < extent->end)
			return extent;
	return NULL;
}

static void extent_drop(struct zone *zone, struct extent *extent)
{
	struct extent **link = &zone->untouched;

	while (*link != extent)
		link = &(*link)->next;
	*link = extent->next;
	pool_free(&zone->extents, extent);
}

void extent_carve(struct mm *mm, struct extent *extent, kvm_pfn_t start, kvm_pfn_t end)
{
	struct extent *rest;

	if (start > extent->start && end < extent->end) {
		rest = pool_alloc(&mm->zone.extents);
		*rest = (struct extent){ end, extent->end, extent->next };
		extent->end = start;
		extent->next = rest;
	} else if (start > extent->start) {
		extent->end = start;
	} else if (end < extent->end) {
		extent->start = end;
	} else {
		extent_drop(&mm->zone, extent);
	}
}

void touch_block(struct mm *mm, struct extent *extent, kvm_pfn_t pfn)
{
	kvm_pfn_t start = ALIGN_DOWN(pfn, BLOCK_PAGES);

	extent_carve(mm, extent, start, start + BLOCK_PAGES);
	add_to_free_list(&mm->zone, __pfn_to_page(mm, start), MAX_PAGE_ORDER, true);
}

bool page_is_buddy(const struct page *page, u32 order)
{
	return page && PageBuddy(page) && page->private == order;
}

void __free_one_page(struct mm *mm, struct page *page, u32 order)
{
	struct zone *zone = &mm->zone;
	kvm_pfn_t pfn = page->pfn;
	u32 from = order;

	for (; order < MAX_PAGE_ORDER; order++) {
		kvm_pfn_t buddy_pfn = pfn ^ (1ULL << order);
		struct page *buddy = order < VMEMMAP_LEAF_SHIFT ?
			page + (s64)(buddy_pfn - pfn) : find_page(mm, buddy_pfn);

		if (!page_is_buddy(buddy, order))
			break;
		del_page_from_free_list(zone, buddy, order);
		if (buddy_pfn < pfn) {
			page = buddy;
			pfn = buddy_pfn;
		}
	}
	zone->nr_free += 1ULL << from;
	add_to_free_list(zone, page, order, false);
}

/* Hand the upper halves back until the block at @page is of order @low. */
static void expand(struct mm *mm, struct page *page, u32 low, u32 high)
{
	while (high > low) {
		u64 half;

		high--;
		half = 1ULL << high;
		add_to_free_list(&mm->zone, high < VMEMMAP_LEAF_SHIFT ?
				 page + half : __pfn_to_page(mm, page->pfn + half), high, false);
	}
}

static struct page *__rmqueue_smallest(struct mm *mm, u32 order)
{
	struct zone *zone = &mm->zone;
	struct page *page;
	u32 have;

	for (have = order; have < NR_PAGE_ORDERS; have++) {
		struct free_area *area = &zone->free_area[have];

		if (!area->nr_free && have == MAX_PAGE_ORDER && zone->untouched)
			touch_block(mm, zone->untouched, zone->untouched->start);
		if (!area->nr_free)
			continue;
		page = list_entry(area->free_list.next, struct page, buddy_list);
		del_page_from_free_list(zone, page, have);
		expand(mm, page, order, have);
		zone->nr_free -= 1ULL << order;
		return page;
	}
	return NULL;
}

/* -- per-CPU lists --------------------------------------------------------- */

static void pcp_drain(struct mm *mm, struct mm_cpu *cpu, u32 count)
{
	while (count-- && cpu->pcp_count) {
		struct page *page = list_entry(cpu->pcp.prev, struct page, lru);

		list_del(&page->lru);
		page->lru.next = NULL;
		page->lru.prev = NULL;
		page->flags &= ~BIT_ULL(PG_model_pcp);
		cpu->pcp_count--;
		mm->zone.nr_free--;
		__free_one_page(mm, page, 0);
	}
}

void drain_all_pages(struct mm *mm)
{
	u32 i;

	for (i = 0; i < HW_CPU_MAX; i++)
		if (mm->cpu[i])
			pcp_drain(mm, mm->cpu[i], ~0u);
}

void zone_pcp_disable(struct mm *mm)
{
	mm->zone.pcp_disabled++;
	drain_all_pages(mm);
}

void zone_pcp_enable(struct mm *mm)
{
	mm->zone.pcp_disabled--;
}

/* The list stays empty when there is nothing. */
static void rmqueue_bulk(struct mm *mm, struct mm_cpu *cpu)
{
	struct page *page;

	while (cpu->pcp_count < PCP_BATCH && (page = __rmqueue_smallest(mm, 0))) {
		list_add_tail(&page->lru, &cpu->pcp);
		page->flags |= BIT_ULL(PG_model_pcp);
		cpu->pcp_count++;
		mm->zone.nr_free++;
	}
}

/*
 * An explorer has the list filled many at a time, as the kernel has. Then which frames
 * a task gets depends on who came first to an empty list, and not on how each of two
 * tasks' allocations fell between those of the other: top-ups of 40 pages against
 * each other are states without end.
 */
static struct page *rmqueue_pcplist(struct mm *mm)
{
	struct mm_cpu *cpu = this_cpu_mm(mm);
	struct page *page;

	if (!cpu->pcp_count && unlikely(mm->env->sched.stepped))
		rmqueue_bulk(mm, cpu);
	if (!cpu->pcp_count)
		return __rmqueue_smallest(mm, 0);
	page = list_entry(cpu->pcp.next, struct page, lru);
	cpu->pcp.next = page->lru.next;
	page->lru.next->prev = &cpu->pcp;
	page->lru.next = NULL;
	page->lru.prev = NULL;
	page->flags &= ~BIT_ULL(PG_model_pcp);
	cpu->pcp_count--;
	mm->zone.nr_free--;
	return page;
}

static void free_frozen_page_commit(struct mm *mm, struct page *page)
{
	struct mm_cpu *cpu = this_cpu_mm(mm);

	list_add(&page->lru, &cpu->pcp);
	page->flags |= BIT_ULL(PG_model_pcp);
	mm->zone.nr_free++;
	if (++cpu->pcp_count > mm->config.pcp_high)
		pcp_drain(mm, cpu, PCP_BATCH);
}

/* -- allocation ------------------------------------------------------------ */

static void bad_page(struct page *page, u32 order, const char *reason)
{
	kmsg(env_of(page), KMSG_ERR, "bad_page", "BUG: Bad page state in process %s  pfn:%05x: %s",
	     current_task(env_of(page))->name, page->pfn, reason);
	mm_leak(page, order, reason);
}

static bool check_new_page(const struct page *page)
{
	return page->_mapcount == -1 && !page->mapping && page->_refcount == 0 &&
	       !(page->flags & (PAGE_FLAGS_CHECK_AT_PREP | BIT_ULL(PG_hwpoison)));
}

/* With checks off a poisoned page inside a larger block goes unnoticed. */
static bool check_new_pages(struct mm *mm, struct page *page, u32 order)
{
	kvm_pfn_t pfn = page->pfn, end = pfn + (1ULL << order);
	struct vmemmap_leaf *leaf;
	u32 i;

	if (!mm->config.check_pages)
		return true;
	if (order < VMEMMAP_LEAF_SHIFT) {
		for (i = 0; i < 1u << order; i++)
			if (!check_new_page(page + i))
				return false;
		return true;
	}
	for (; (leaf = vmemmap_next(mm, &pfn, end)); pfn += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
			if (!check_new_page(&leaf->page[i]))
				return false;
	return true;
}

void prep_new_page(struct mm *mm, struct page *page, u32 order, gfp_t gfp)
{
	u64 i;

	page->flags &= ~PAGE_FLAGS_CHECK_AT_PREP;
	page->private = 0;
	page->index = 0;
	if (gfp & __GFP_ZERO)
		for (i = 0; i < 1ULL << order; i++)
			hw_write(mm->hw, pfn_to_hpa(page->pfn + i), KEYID_SHARED, TOKEN_ZERO);
	if (order && gfp & __GFP_COMP)
		prep_compound_page(page, order);
	note_recent(mm, page->pfn);
	if (mm->hooks.frame_allocated)
		mm->hooks.frame_allocated(mm->hooks.ctx, page->pfn, order);
	if (unlikely(trace_on(mm->env, TRACE_PAGE)))
		page_trace(mm, page->pfn, order, "alloc");
}

/* Locks under which nobody may sleep. */
#define SPINNING_CLASSES \
	(1u << LOCK_MMU_LOCK | 1u << LOCK_TDP_MMU_PAGES | 1u << LOCK_HUGETLB | 1u << LOCK_DPAMT)

void might_alloc(struct env *env, gfp_t gfp, const char *site)
{
	const struct task *task = current_task(env);

	if (likely(!(gfp & __GFP_DIRECT_RECLAIM) || !(task->held_classes & SPINNING_CLASSES)))
		return;
	check_fail(env, INV_LOCK_RULES,
		   "task %s allocates (%s) with a gfp that may sleep while it holds a spinlock",
		   task->name, site);
}

bool should_fail_alloc_page(struct env *env, gfp_t gfp, const char *site)
{
	might_alloc(env, gfp, site);
	return !(gfp & __GFP_NOFAIL) && inject_alloc(env, site);
}

struct page *__alloc_frozen_pages(struct env *env, gfp_t gfp, u32 order, const char *site)
{
	struct mm *mm = env->layer[LAYER_MM];
	struct page *page;

	if (WARN_ON_ONCE(env, order > MAX_PAGE_ORDER))
		return NULL;
	if (should_fail_alloc_page(env, gfp, site))
		return NULL;
	for (;;) {
		if (!order && mm->config.pcp_high && !mm->zone.pcp_disabled)
			page = rmqueue_pcplist(mm);
		else
			page = __rmqueue_smallest(mm, order);
		if (!page)
			return NULL;
		if (likely(check_new_pages(mm, page, order)))
			break;
		/* The whole block is given up, not only its bad page. */
		bad_page(page, order, page->flags & BIT_ULL(PG_hwpoison) ?
			 "hwpoison" : "page state at allocation");
	}
	prep_new_page(mm, page, order, gfp);
	return page;
}

void set_page_refcounted(struct page *page)
{
	page->_refcount = 1;
	ledger_add((struct folio *)page, HOLDER_ALLOC, 1);
}

struct page *__alloc_pages(struct env *env, gfp_t gfp, u32 order, const char *site)
{
	struct page *page = __alloc_frozen_pages(env, gfp, order, site);

	if (page)
		set_page_refcounted(page);
	return page;
}

struct folio *folio_alloc(struct env *env, gfp_t gfp, u32 order)
{
	struct page *page = __alloc_pages(env, gfp | __GFP_COMP, order, "folio");

	if (page && order)
		((struct folio *)page)->_flags_1 |= BIT_ULL(PG_large_rmappable);
	return (struct folio *)page;
}

/* -- free ------------------------------------------------------------------- */

/* False: these pages must not reach the allocator. */
static bool __free_pages_prepare(struct mm *mm, struct page *page, u32 order)
{
	if (unlikely(page->flags & BIT_ULL(PG_hwpoison)) && !order) {
		mm_leak(page, 0, "hwpoison");
		return false;
	}
	if (page->flags & BIT_ULL(PG_head)) {
		if (!clear_compound_page(page, order)) {
			bad_page(page, order, "corrupted tail page");
			return false;
		}
	}
	page->flags &= ~BIT_ULL(PG_mlocked);
	if (page->page_type >> 24 >= PGTY_buddy && page->page_type != PAGE_TYPE_NONE)
		page->page_type = PAGE_TYPE_NONE;
	page->mapping = NULL;
	if (unlikely(page->_mapcount != -1 || page->_refcount ||
		     page->flags & PAGE_FLAGS_CHECK_AT_FREE)) {
		bad_page(page, order, page->flags & PAGE_FLAGS_CHECK_AT_FREE ?
			 "PAGE_FLAGS_CHECK_AT_FREE flag(s) set" : "nonzero mapcount");
		return false;
	}
	page->flags &= ~PAGE_FLAGS_CHECK_AT_PREP;
	return true;
}

/* Above pageblock size each pageblock is freed by itself and merges again. */
static void split_large_buddy(struct mm *mm, kvm_pfn_t pfn, u32 order)
{
	kvm_pfn_t end = pfn + (1ULL << order);
	u32 step = order > pageblock_order ? pageblock_order : order;

	for (; pfn < end; pfn += 1ULL << step)
		__free_one_page(mm, __pfn_to_page(mm, pfn), step);
}

void free_frozen_pages(struct page *page, u32 order)
{
	struct mm *mm = mm_of(page);
	kvm_pfn_t pfn = page->pfn;

	ledger_check_empty((struct folio *)page);
	if (unlikely(!__free_pages_prepare(mm, page, order)))
		return;
	if (unlikely(trace_on(mm->env, TRACE_PAGE)))
		page_trace(mm, pfn, order, "free");
	if (mm->hooks.frame_freed)
		mm->hooks.frame_freed(mm->hooks.ctx, pfn, order);
	if (!order && mm->config.pcp_high && !mm->zone.pcp_disabled)
		free_frozen_page_commit(mm, page);
	else
		split_large_buddy(mm, pfn, order);
}

void __free_pages(struct page *page, u32 order)
{
	struct folio *folio = (struct folio *)page;

	page->_refcount--;
	ledger_add(folio, HOLDER_ALLOC, -1);
	if (page->_refcount)
		return;
	if (order && !folio_test_large(folio)) {
		free_frozen_pages(page, order);
		return;
	}
	__folio_put(folio);
}

void free_reserved_block(struct mm *mm, kvm_pfn_t start, u32 order)
{
	kvm_pfn_t end = start + (1ULL << order), pfn;

	for (pfn = start; pfn < end; pfn++) {
		struct page *page = find_page(mm, pfn);

		if (!page)
			continue;
		page->flags &= ~BIT_ULL(PG_reserved);
		page->_refcount = 0;
		page_ledger(page)->count[HOLDER_ALLOC] = 0;
	}
	mm->zone.nr_reserved -= 1ULL << order;
	__free_one_page(mm, __pfn_to_page(mm, start), order);
}
