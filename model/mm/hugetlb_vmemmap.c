// SPDX-License-Identifier: GPL-2.0-only
/*
 * HVO, hugetlb vmemmap optimization: mm/hugetlb_vmemmap.c of Linux 7.3.4. The
 * struct pages of an optimized folio from number 64 on are one shared page per
 * size, mapped read-only; the frames they took are free memory. Undoing it needs
 * them again: 7 for 2M, 4095 for 1G.
 *
 * The vmemmap's own frames are modelled: those of boot are a reserved range, and
 * a table says where a part of the vmemmap was moved to. The shared struct pages
 * are not kept at all: a leaf made while the folio is optimized shows the tails
 * of its head, marked read-only, and a store to it is the fault it would be.
 *
 * Left out: splitting the PMD mapping of the vmemmap (and its page table page),
 * self-hosted vmemmap, bootmem folios born optimized, batched TLB flushes. The
 * allocations of one restore are one injection point, as they fail as one.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"

#define SHARED_TAIL	(~0u)	/* in the table: mapped to the shared tail page */

u64 vmemmap_frames(const struct mm *mm)
{
	return (mm->zone.end_pfn + 63) >> VMEMMAP_PAGE_SHIFT;
}

u64 hugetlb_vmemmap_saved(const struct mm *mm)
{
	return mm->hugetlb ? mm->hugetlb->vmemmap_saved : 0;
}

static u32 *vmemmap_pte(struct mm *mm, u64 nr)
{
	return sparse_get(&mm->hugetlb->vmemmap_pte, nr);
}

bool vmemmap_boot_frame_released(const struct mm *mm, kvm_pfn_t pfn)
{
	const u32 *pte;

	if (!mm->hugetlb || pfn < KERNEL_IMAGE_PAGES ||
	    pfn - KERNEL_IMAGE_PAGES >= vmemmap_frames(mm))
		return false;
	pte = sparse_find(&mm->hugetlb->vmemmap_pte, pfn - KERNEL_IMAGE_PAGES);
	return pte && *pte;
}

bool hugetlb_vmemmap_tail_readonly(const struct folio *head, kvm_pfn_t pfn)
{
	return folio_test_hugetlb(head) && folio_test_hpg(head, HPG_vmemmap_optimized) &&
	       pfn - head->pfn >= 1u << VMEMMAP_PAGE_SHIFT;
}

/* A frame for the vmemmap: no use of anybody's, so counted as reserved. */
static u32 vmemmap_frame_alloc(struct mm *mm, gfp_t gfp, const char *site)
{
	struct page *page = __alloc_pages(mm->env, gfp, 0, site);

	if (!page)
		return 0;
	mm->zone.nr_reserved++;
	return page->pfn;
}

static void vmemmap_frame_free(struct mm *mm, u32 frame)
{
	mm->zone.nr_reserved--;
	__free_page(__pfn_to_page(mm, frame));
}

static u32 vmemmap_get_tail(struct mm *mm, const struct hstate *h)
{
	u32 *tail = &mm->hugetlb->shared_tail[h - mm->hugetlb->hstates];

	if (!*tail)
		*tail = vmemmap_frame_alloc(mm, GFP_KERNEL | __GFP_ZERO, "vmemmap-tail");
	return *tail;
}

/* The frames the folio's vmemmap has now, all of them, become free. */
static void free_old_frames(struct mm *mm, u64 first, u64 nr, u32 new_head)
{
	bool boot = true;
	u64 i;

	for (i = 0; i < nr; i++) {
		u32 *pte = vmemmap_pte(mm, first + i);

		if (*pte) {
			boot = false;
			vmemmap_frame_free(mm, *pte);
		}
		*pte = i ? SHARED_TAIL : new_head;
	}
	if (boot) {
		u32 order = __builtin_ctzll(nr), step = order > MAX_PAGE_ORDER ?
			    MAX_PAGE_ORDER : order;

		for (i = 0; i < nr; i += 1ULL << step)
			free_reserved_block(mm, KERNEL_IMAGE_PAGES + first + i, step);
	}
}

void hugetlb_vmemmap_optimize_folio(struct folio *folio)
{
	struct mm *mm = mm_of(folio);
	const struct hstate *h = folio_hstate(folio);
	u64 nr = 1ULL << (h->order - VMEMMAP_PAGE_SHIFT), leaf;
	u32 head;

	if (folio_test_hpg(folio, HPG_vmemmap_optimized) || !mm->config.hvo)
		return;
	VM_WARN_ON_ONCE(mm->env, !folio_test_hugetlb(folio) || folio_ref_count(folio));
	if (!vmemmap_get_tail(mm, h))
		return;
	/* Set before the head page is copied, so that old and new have it. */
	folio_set_hpg(folio, HPG_vmemmap_optimized);
	head = vmemmap_frame_alloc(mm, GFP_KERNEL, "vmemmap-head");
	if (!head) {
		folio_clear_hpg(folio, HPG_vmemmap_optimized);
		return;
	}
	for (leaf = 1u << (VMEMMAP_PAGE_SHIFT - VMEMMAP_LEAF_SHIFT);
	     leaf < 1ULL << (h->order - VMEMMAP_LEAF_SHIFT); leaf++)
		vmemmap_drop(mm, (folio->pfn >> VMEMMAP_LEAF_SHIFT) + leaf);
	free_old_frames(mm, folio->pfn >> VMEMMAP_PAGE_SHIFT, nr, head);
	mm->hugetlb->vmemmap_saved += nr - 1;
}

/* @nr frames chained through the table itself; all or none. */
static int alloc_vmemmap_frames(struct mm *mm, u64 first, u64 nr)
{
	u64 i;

	if (inject_alloc(mm->env, "vmemmap"))
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		u32 frame = vmemmap_frame_alloc(mm, GFP_KERNEL | __GFP_NOFAIL, "vmemmap");

		if (!frame)
			goto fail;
		*vmemmap_pte(mm, first + i) = frame;
	}
	return 0;
fail:
	while (i--) {
		u32 *pte = vmemmap_pte(mm, first + i);

		vmemmap_frame_free(mm, *pte);
		*pte = SHARED_TAIL;
	}
	return -ENOMEM;
}

int hugetlb_vmemmap_restore_folio(struct folio *folio)
{
	struct mm *mm = mm_of(folio);
	u64 nr = folio_nr_pages(folio) >> VMEMMAP_PAGE_SHIFT;
	kvm_pfn_t pfn = folio->pfn, end = pfn + folio_nr_pages(folio);
	struct vmemmap_leaf *leaf;
	u32 i;

	if (!folio_test_hpg(folio, HPG_vmemmap_optimized))
		return 0;
	if (alloc_vmemmap_frames(mm, (folio->pfn >> VMEMMAP_PAGE_SHIFT) + 1, nr - 1))
		return -ENOMEM;
	folio_clear_hpg(folio, HPG_vmemmap_optimized);
	mm->hugetlb->vmemmap_saved -= nr - 1;
	/* Views of the shared page are pages of their own again. */
	for (; (leaf = vmemmap_next(mm, &pfn, end)); pfn += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
			leaf->page[i].flags &= ~BIT_ULL(PG_model_readonly);
	return 0;
}
