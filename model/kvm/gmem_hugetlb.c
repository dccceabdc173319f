// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd backed by hugetlb: where its folios come from. Follows the allocator
 * of "1G page support for guest_memfd", RFC v2 of 14 May 2025 by Ackerley Tng
 * (mm/guestmem_hugetlb.c there). A file reserves all its pages at creation, in a
 * subpool of its own, so that only poison in the pool can keep a later allocation
 * from finding one. Kept as posted: the subpool is charged before anybody looks
 * whether another task is at the same index, so two of them can exceed it. Holes
 * are patch 39 of it: only whole huge pages go, parts of one are zeroed; the plan of
 * January 2026 forbids those.
 *
 * Left out: cgroups, memory policies, hugetlb sizes other than 2M and 1G.
 */
#include "model/kvm/gmem_convert.h"
#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"
#include "model/mm/xarray.h"

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

/* Private and shared indices never share a folio, so what is in part shared is 4K. */
static bool born_split(struct inode *inode, pgoff_t first)
{
	if (!gmem_in_place_conversion(inode))
		return kvm_gmem_init_shared(inode);
	return !gmem_attributes_range_has(&GMEM_I(inode)->attributes, first,
					  first + kvm_gmem_page_nr(inode),
					  KVM_MEMORY_ATTRIBUTE_PRIVATE);
}

/* Just added: locked and with the caller's reference, which is in the split's way. */
static int split_new_folio(struct inode *inode, struct folio *folio, pgoff_t first)
{
	pgoff_t error_index;
	int err;

	folio_unlock(folio);
	folio_put(folio);
	err = kvm_gmem_split_range(inode, first, first + kvm_gmem_page_nr(inode),
				   GMEM_FREEZE_SPIN, &error_index);
	if (!err) {
		kvm_gmem_trace_range(inode, first, first + kvm_gmem_page_nr(inode), "alloc");
		return -EEXIST;
	}
	truncate_inode_pages_range(inode->i_mapping, first << PAGE_SHIFT,
				   ((first + kvm_gmem_page_nr(inode)) << PAGE_SHIFT) - 1);
	return err;
}

struct folio *kvm_gmem_hugetlb_create_folio(struct inode *inode, pgoff_t index)
{
	struct gmem_inode *gi = GMEM_I(inode);
	pgoff_t first = ALIGN_DOWN(index, kvm_gmem_page_nr(inode));
	struct folio *folio = guestmem_hugetlb_alloc_folio(gi);
	int err;

	if (IS_ERR(folio))
		return folio;
	err = hugetlb_add_to_page_cache(folio, inode->i_mapping, first);
	if (err)
		guestmem_hugetlb_unalloc_folio(gi, folio);
	else if (born_split(inode, first))
		err = split_new_folio(inode, folio, first);
	return err ? ERR_PTR(err) : folio;
}

/* -- Holes -------------------------------------------------------------------- */

int kvm_gmem_check_hole(struct inode *inode, pgoff_t start, pgoff_t end)
{
	/* The plan of 2026 is for those orders that split before they zap. */
	if (!conversion_order_has(kvm_globals_of(inode)->order, STEP_SPLIT_FOLIOS))
		return 0;
	return IS_ALIGNED(start | end, kvm_gmem_page_nr(inode)) ? 0 : -EINVAL;
}

static bool any(struct inode *inode, pgoff_t first, pgoff_t end, void *arg)
{
	return true;
}

int kvm_gmem_merge_for_truncation(struct inode *inode, pgoff_t start, pgoff_t end)
{
	u64 nr = kvm_gmem_page_nr(inode);
	pgoff_t first;

	start = ALIGN_UP(start, nr);
	end = ALIGN_DOWN(end, nr);
	if (nr == 1 || start >= end)
		return 0;
	/* All of them are looked at before the first one changes. */
	for (first = start; first < end; first += nr) {
		if (!kvm_gmem_is_split(inode, first))
			continue;
		unmap_mapping_pages(inode->i_mapping, first, nr, false);
		if (kvm_gmem_first_unsafe(inode, first, first + nr) < first + nr)
			return -EAGAIN;
	}
	return kvm_gmem_merge_range(inode, start, end, any, NULL, GMEM_FREEZE_TRY);
}

/* Zero what is there of [start, end), which lies in one huge page or less. */
static void kvm_gmem_zero_range(struct inode *inode, pgoff_t start, pgoff_t end)
{
	struct folio *folio;
	u64 index;

	xa_for_each_range(&inode->i_mapping->i_pages, index, folio, start, end - 1) {
		pgoff_t last = folio_next_index(folio) < end ? folio_next_index(folio) : end;

		folio_lock(folio);
		folio_zero_range(folio, (index - folio->index) << PAGE_SHIFT,
				 (last - index) << PAGE_SHIFT);
		folio_unlock(folio);
	}
}

void kvm_gmem_truncate_range(struct inode *inode, pgoff_t start, pgoff_t end)
{
	u64 nr = kvm_gmem_page_nr(inode);
	pgoff_t first = ALIGN_UP(start, nr), last = ALIGN_DOWN(end, nr);

	if (first >= last) {
		kvm_gmem_zero_range(inode, start, end);
		return;
	}
	if (start < first)
		kvm_gmem_zero_range(inode, start, first);
	hold_truncate(inode, first, last);
	truncate_inode_pages_range(inode->i_mapping, first << PAGE_SHIFT, (last << PAGE_SHIFT) - 1);
	if (last < end)
		kvm_gmem_zero_range(inode, last, end);
}
