// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd backed by hugetlb: where its folios come from. Follows the allocator
 * of "1G page support for guest_memfd", RFC v2 of 14 May 2025 by Ackerley Tng
 * (mm/guestmem_hugetlb.c there). A file reserves all its pages at creation, in a
 * subpool of its own, so that only poison in the pool can keep a later allocation
 * from finding one. Kept as posted: the subpool is charged before anybody looks
 * whether another task is at the same index, so two of them can exceed it.
 *
 * Left out: cgroups, memory policies, hugetlb sizes other than 2M and 1G.
 */
#include "model/kvm/guest_memfd.h"

/* log2 of the page size asked for. */
static u32 guestmem_hugetlb_page_size_log(u64 flags)
{
	u32 size_log = flags >> GUESTMEM_HUGETLB_FLAG_SHIFT & GUESTMEM_HUGETLB_FLAG_MASK;

	/* 0 is the default size, which nobody has changed. */
	return size_log ? size_log : 21;
}

int guestmem_hugetlb_setup(struct gmem_inode *gi, u64 size)
{
	u32 size_log = guestmem_hugetlb_page_size_log(gi->flags);
	struct hstate *h = hugetlb_hstate(mm_of(gi), size_log - PAGE_SHIFT);
	u64 hpages;

	if (!h || !IS_ALIGNED(size, 1ULL << size_log))
		return -EINVAL;
	hpages = size >> size_log;
	gi->spool = hugepage_new_subpool(h, hpages, hpages);
	if (!gi->spool)
		return -ENOMEM;
	gi->h = h;
	return 0;
}

void guestmem_hugetlb_teardown(struct gmem_inode *gi)
{
	if (gi->spool)
		hugepage_put_subpool(gi->spool);
}

/* With one reference; ERR_PTR(-ENOMEM) beyond the subpool, -ENOSPC when the pool is dry. */
static struct folio *guestmem_hugetlb_alloc_folio(struct gmem_inode *gi)
{
	struct folio *folio;

	if (hugepage_subpool_get_pages(gi->spool, 1) < 0)
		return ERR_PTR(-ENOMEM);
	folio = hugetlb_alloc_folio(gi->h, true);
	if (IS_ERR(folio)) {
		hugepage_subpool_put_pages(gi->spool, 1);
		return folio;
	}
	folio->_hugetlb_subpool = gi->spool;
	return folio;
}

/* It never got into the page cache: the reservation is the file's again. */
static void guestmem_hugetlb_unalloc_folio(struct gmem_inode *gi, struct folio *folio)
{
	folio_put(folio);
	hugepage_subpool_put_pages(gi->spool, 1);
}

struct folio *kvm_gmem_hugetlb_create_folio(struct inode *inode, pgoff_t index)
{
	struct gmem_inode *gi = GMEM_I(inode);
	struct folio *folio = guestmem_hugetlb_alloc_folio(gi);
	int err;

	if (IS_ERR(folio))
		return folio;
	err = hugetlb_add_to_page_cache(folio, inode->i_mapping,
					ALIGN_DOWN(index, 1ULL << gi->h->order));
	if (!err)
		return folio;
	guestmem_hugetlb_unalloc_folio(gi, folio);
	return ERR_PTR(err);
}
