// SPDX-License-Identifier: GPL-2.0-only
/*
 * Free blocks found by address: is a frame free, take a bad one out of the
 * buddy, contiguous ranges for gigantic pages, reservations at boot.
 * take_page_off_buddy() and alloc_contig_frozen_pages() of mm/page_alloc.c, Linux
 * 7.3.4. Left out: migrating pages that are in the way of a contiguous range.
 */
#include "model/mm/buddy.h"
#include "model/mm/hugetlb.h"

/* -- blocks by address ------------------------------------------------------- */

/* The free block that holds @pfn, NULL when it is not in the buddy. */
static struct page *find_buddy_block(struct mm *mm, kvm_pfn_t pfn, u32 *order)
{
	struct extent *extent = untouched_extent(&mm->zone, pfn);

	if (extent)
		touch_block(mm, extent, pfn);
	for (*order = 0; *order < NR_PAGE_ORDERS; ++*order) {
		struct page *head = find_page(mm, ALIGN_DOWN(pfn, 1ULL << *order));

		if (head && head->_refcount > 0)
			return NULL;
		if (head && PageBuddy(head) && head->private >= *order) {
			*order = head->private;
			return head;
		}
	}
	return NULL;
}

bool is_free_buddy_page(struct page *page)
{
	struct mm *mm = mm_of(page);
	u32 order;

	for (order = 0; order <= MAX_PAGE_ORDER; order++) {
		struct page *head = find_page(mm, ALIGN_DOWN(page->pfn, 1ULL << order));

		if (head && PageBuddy(head) && head->private >= order)
			return true;
	}
	return untouched_extent(&mm->zone, page->pfn);
}

bool mm_frame_free(struct mm *mm, kvm_pfn_t pfn)
{
	struct page *page;

	if (untouched_extent(&mm->zone, pfn))
		return true;
	page = find_page(mm, pfn);
	if (page && page->_refcount)
		return false;
	if (page && page->flags & BIT_ULL(PG_model_pcp))
		return true;
	page = __pfn_to_page(mm, pfn);
	if (!page)
		return false;
	return is_free_buddy_page(page) || hugetlb_page_free(page_folio(page));
}

/* All of @page's block but @target goes back. */
static void break_down_buddy_pages(struct mm *mm, struct page *page, kvm_pfn_t target, u32 high)
{
	kvm_pfn_t pfn = page->pfn;

	while (high) {
		kvm_pfn_t upper;

		high--;
		upper = pfn + (1ULL << high);
		if (target >= upper) {
			add_to_free_list(&mm->zone, __pfn_to_page(mm, pfn), high, false);
			pfn = upper;
		} else {
			add_to_free_list(&mm->zone, __pfn_to_page(mm, upper), high, false);
		}
	}
}

#define MAGIC_HWPOISON	0x48575053u

bool take_page_off_buddy(struct page *bad)
{
	struct mm *mm = mm_of(bad);
	u32 order;
	struct page *head = find_buddy_block(mm, bad->pfn, &order);

	if (!head)
		return false;
	del_page_from_free_list(&mm->zone, head, order);
	break_down_buddy_pages(mm, head, bad->pfn, order);
	bad->private = MAGIC_HWPOISON;
	mm->zone.nr_free--;
	return true;
}

bool put_page_back_buddy(struct page *bad)
{
	struct mm *mm = mm_of(bad);

	if (bad->private != MAGIC_HWPOISON || bad->_refcount != 1)
		return false;
	bad->_refcount = 0;
	ledger_add((struct folio *)bad, HOLDER_MEM_FAIL, -1);
	bad->private = 0;
	ClearPageHWPoison(bad);
	__free_one_page(mm, bad, 0);
	return true;
}

/* -- contiguous ranges -------------------------------------------------------- */

static bool range_is_free(struct mm *mm, kvm_pfn_t start, kvm_pfn_t end)
{
	kvm_pfn_t pfn;

	for (pfn = start; pfn < end; pfn += BLOCK_PAGES)
		if (!untouched_extent(&mm->zone, pfn) &&
		    !page_is_buddy(find_page(mm, pfn), MAX_PAGE_ORDER))
			return false;
	return true;
}

static void take_free_range(struct mm *mm, kvm_pfn_t start, kvm_pfn_t end)
{
	struct extent *extent;
	kvm_pfn_t pfn = start;

	while (pfn < end) {
		extent = untouched_extent(&mm->zone, pfn);
		if (extent) {
			kvm_pfn_t stop = extent->end < end ? extent->end : end;

			extent_carve(mm, extent, pfn, stop);
			pfn = stop;
		} else {
			del_page_from_free_list(&mm->zone, find_page(mm, pfn), MAX_PAGE_ORDER);
			pfn += BLOCK_PAGES;
		}
	}
	mm->zone.nr_free -= end - start;
}

struct page *alloc_contig_frozen_pages(struct env *env, u64 nr_pages, gfp_t gfp)
{
	struct mm *mm = env->layer[LAYER_MM];
	u32 order = 63 - __builtin_clzll(nr_pages);
	kvm_pfn_t start;

	if (should_fail_alloc_page(env, gfp, "contig"))
		return NULL;
	drain_all_pages(mm);
	for (start = 0; start + nr_pages <= mm->zone.end_pfn; start += nr_pages) {
		struct page *page;

		if (!range_is_free(mm, start, start + nr_pages))
			continue;
		take_free_range(mm, start, start + nr_pages);
		page = __pfn_to_page(mm, start);
		prep_new_page(mm, page, order, gfp);
		return page;
	}
	return NULL;
}

void mm_reserve(struct mm *mm, kvm_pfn_t start, u64 nr_pages)
{
	struct zone *zone = &mm->zone;
	kvm_pfn_t end = ALIGN_UP(start + nr_pages, BLOCK_PAGES), pfn;
	struct extent *extent;

	start = ALIGN_DOWN(start, BLOCK_PAGES);
	if (end > ALIGN_DOWN(zone->end_pfn, BLOCK_PAGES))
		end = ALIGN_DOWN(zone->end_pfn, BLOCK_PAGES);
	/* The first block may be reserved already, by a range that ends inside it. */
	while (start < end && pfn_is_reserved(mm, start))
		start += BLOCK_PAGES;
	if (start >= end)
		return;
	for (pfn = start; pfn < end && range_is_free(mm, pfn, pfn + BLOCK_PAGES); pfn += BLOCK_PAGES)
		;
	if (pfn < end) {
		mm_bug(mm->env, "mm_reserve", "the range is in use");
		return;
	}
	take_free_range(mm, start, end);
	zone->nr_reserved += end - start;
	extent = pool_alloc(&zone->extents);
	*extent = (struct extent){ start, end, zone->reserved };
	zone->reserved = extent;
}
