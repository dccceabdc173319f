// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reservations of hugetlb pools: subpools and hugetlb_acct_memory() in
 * mm/hugetlb.c of Linux 7.3.4, and insertion into a page cache. Left out: resv_maps.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"

int hugetlb_acct_memory(struct hstate *h, s64 delta)
{
	struct lock *lock = &mm_of(h)->hugetlb->hugetlb_lock;
	int ret = 0;

	if (!delta)
		return 0;
	spin_lock(lock);
	if (delta > 0) {
		s64 needed = h->resv_huge_pages + delta - h->free_huge_pages;

		if (needed > 0)
			ret = gather_surplus_pages(h, needed);
		if (!ret)
			h->resv_huge_pages += delta;
	} else {
		s64 unused = -delta;

		h->resv_huge_pages -= unused;
		/* Surplus that only stood there for the reservation goes again. */
		while (unused-- && h->surplus_huge_pages && available_huge_pages(h))
			if (!free_surplus_huge_folio(h))
				break;
	}
	spin_unlock(lock);
	return ret;
}

/* -- subpools --------------------------------------------------------------------------- */

struct hugepage_subpool *hugepage_new_subpool(struct hstate *h, s64 max_hpages, s64 min_hpages)
{
	struct mm *mm = mm_of(h);
	struct hugepage_subpool *spool;

	if (inject_alloc(mm->env, "subpool"))
		return NULL;
	if (min_hpages != -1 && hugetlb_acct_memory(h, min_hpages))
		return NULL;
	spool = pool_alloc(&mm->hugetlb->subpools);
	spool->count = 1;
	spool->hstate = h;
	spool->max_hpages = max_hpages;
	spool->min_hpages = min_hpages;
	spool->rsv_hpages = min_hpages;
	return spool;
}

static bool subpool_is_free(const struct hugepage_subpool *spool)
{
	if (spool->count)
		return false;
	if (spool->max_hpages != -1)
		return spool->used_hpages == 0;
	return spool->min_hpages == -1 || spool->min_hpages == spool->rsv_hpages;
}

/* Nobody uses it and all its pages came back. */
static void unlock_or_release_subpool(struct hugepage_subpool *spool)
{
	if (!subpool_is_free(spool))
		return;
	if (spool->min_hpages != -1)
		hugetlb_acct_memory(spool->hstate, -spool->min_hpages);
	pool_free(&mm_of(spool)->hugetlb->subpools, spool);
}

void hugepage_put_subpool(struct hugepage_subpool *pool)
{
	pool->count--;
	unlock_or_release_subpool(pool);
}

s64 hugepage_subpool_get_pages(struct hugepage_subpool *spool, s64 delta)
{
	s64 global = delta;

	if (!spool)
		return delta;
	if (spool->max_hpages != -1) {
		if (spool->used_hpages + delta > spool->max_hpages)
			return -ENOMEM;
		spool->used_hpages += delta;
	}
	if (spool->min_hpages == -1 || !spool->rsv_hpages)
		return global;
	if (delta > spool->rsv_hpages) {
		global = delta - spool->rsv_hpages;
		spool->rsv_hpages = 0;
	} else {
		global = 0;
		spool->rsv_hpages -= delta;
	}
	return global;
}

s64 hugepage_subpool_put_pages(struct hugepage_subpool *spool, s64 delta)
{
	s64 global = delta, least;

	if (!spool)
		return delta;
	least = spool->min_hpages;
	if (spool->max_hpages != -1)
		spool->used_hpages -= delta;
	if (least != -1 && spool->used_hpages < least) {
		/* Up to the minimum the pages stay reserved for this subpool. */
		s64 kept = spool->rsv_hpages + delta;

		global = kept > least ? kept - least : 0;
		spool->rsv_hpages = kept - global;
	}
	unlock_or_release_subpool(spool);
	return global;
}

/* -- page cache --------------------------------------------------------------------------- */

int hugetlb_add_to_page_cache(struct folio *folio, struct address_space *cache, pgoff_t index)
{
	int err;

	folio_lock(folio);
	err = __filemap_add_folio(cache, folio, index, GFP_KERNEL);
	if (err) {
		folio_unlock(folio);
		return err;
	}
	folio_clear_hpg(folio, HPG_restore_reserve);
	/* Never written back, so never clean. */
	folio_set_dirty(folio);
	cache->host->i_blocks += folio_nr_pages(folio) << (PAGE_SHIFT - 9);
	return 0;
}
