/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hugetlb pools, reservations and vmemmap optimization (HVO): mm/hugetlb.c and
 * mm/hugetlb_vmemmap.c of Linux 7.3.4; one node. Below that, splitting and
 * merging hugetlb folios as the guest_memfd series of May 2025 (51 patches) do.
 *
 * A folio on a free list has reference count 0, type hugetlb and HPG_freed; it
 * may be optimized, and poisoned. Counters are under hugetlb_lock.
 */
#ifndef SEPTUM_MM_HUGETLB_H
#define SEPTUM_MM_HUGETLB_H

#include "model/mm/mm.h"

/* Bits of folio->private of a hugetlb folio. */
enum hugetlb_page_flags {
	HPG_restore_reserve,
	HPG_migratable,
	HPG_temporary,
	HPG_freed,
	HPG_vmemmap_optimized,
	HPG_raw_hwp_unreliable,
	HPG_cma,
};

struct hstate {
	const char *name;
	u32 order;
	u32 demote_order;		/* 0: cannot be demoted */
	struct lock resize_lock;
	struct list_head freelist, activelist;
	u64 nr_huge_pages;		/* all there are */
	u64 free_huge_pages;		/* on the free list, poisoned ones too */
	u64 resv_huge_pages;		/* promised */
	u64 surplus_huge_pages;		/* above the persistent pool */
	u64 nr_overcommit_huge_pages;	/* most surplus allowed */
	u64 max_huge_pages;		/* what the administrator asked for */
};

/* -1 in max_hpages or min_hpages: no such limit. */
struct hugepage_subpool {
	s64 count;			/* users: mounts, inodes */
	struct hstate *hstate;
	s64 max_hpages, used_hpages, min_hpages, rsv_hpages;
};

#define HUGE_MAX_HSTATE		2

/* What the poison of one hugetlb page is remembered by. */
struct raw_hwp_page {
	struct raw_hwp_page *next;
	kvm_pfn_t pfn;
};

struct hugetlb_state {
	struct lock hugetlb_lock;
	struct hstate hstates[HUGE_MAX_HSTATE];	/* 2M, 1G */
	struct list_head deferred;	/* optimized folios whose free must not sleep */
	struct pool stashes, subpools;
	struct xarray split_origin;	/* head pfn >> 9 -> struct hugetlb_stash */
	u32 nr_split;			/* folios split at this moment */
	struct sparse vmemmap_pte;	/* u32 frame by vmemmap page, 0: the one of boot */
	u32 shared_tail[HUGE_MAX_HSTATE];	/* frame of the shared tail page, 0 none yet */
	u64 vmemmap_saved;		/* vmemmap pages that are free memory now */
};

void hugetlb_init(struct mm *mm);
struct hstate *hugetlb_hstate(struct mm *mm, u32 order);
struct hstate *folio_hstate(const struct folio *folio);

static inline bool folio_test_hpg(const struct folio *folio, enum hugetlb_page_flags bit)
{
	return folio->private & BIT_ULL(bit);
}

static inline void folio_set_hpg(struct folio *folio, enum hugetlb_page_flags bit)
{
	folio->private |= BIT_ULL(bit);
}

static inline void folio_clear_hpg(struct folio *folio, enum hugetlb_page_flags bit)
{
	folio->private &= ~BIT_ULL(bit);
}

static inline u64 available_huge_pages(const struct hstate *h)
{
	u64 promised = h->resv_huge_pages;

	return h->free_huge_pages - promised;
}

/* /proc/sys/vm/nr_hugepages: the persistent pool becomes @count as far as possible. */
int set_max_huge_pages(struct hstate *h, u64 count);
/*
 * A folio with one reference (HOLDER_LOOKUP), not zeroed, not migratable.
 * @reserved: a reservation made before pays for it. -ENOSPC.
 */
struct folio *hugetlb_alloc_folio(struct hstate *h, bool reserved);
/* Reserve (@delta > 0) or give back (< 0) that many pages of the pool. 0, -ENOMEM. */
int hugetlb_acct_memory(struct hstate *h, s64 delta);
/* Out of the pool into the buddy. 0 (also when it is no hugetlb folio), -EBUSY, -ENOMEM. */
int dissolve_free_hugetlb_folio(struct folio *idle);
/* Break up to @nr free folios into smaller ones; how many, -EBUSY, -EINVAL. */
s64 demote_pool_huge_page(struct hstate *src, u64 nr);
/* The work queue that frees optimized folios put from atomic context. */
void wait_for_freed_hugetlb_folios(struct mm *mm);
/* Last reference gone. */
void free_huge_folio(struct folio *last);
/* A frozen folio of the pool's size as a hugetlb folio, in no list yet. */
void init_new_hugetlb_folio(struct folio *fresh);
bool mm_has_hugetlb(const struct mm *mm);
/* In its pool, nobody's. */
bool hugetlb_page_free(const struct folio *head);
/* Pages on the free lists of the pools. */
u64 hugetlb_pool_pages(const struct mm *mm);

/* A page-cache entry of a hugetlb file: index in base pages, no LRU. */
int hugetlb_add_to_page_cache(struct folio *folio, struct address_space *cache, pgoff_t index);

/* NULL when injected (site "subpool") or when min_hpages cannot be reserved. */
struct hugepage_subpool *hugepage_new_subpool(struct hstate *h, s64 max_hpages, s64 min_hpages);
void hugepage_put_subpool(struct hugepage_subpool *pool);
/* How many global reservations are needed, or -ENOMEM beyond the maximum. */
s64 hugepage_subpool_get_pages(struct hugepage_subpool *spool, s64 delta);
/* How many global reservations are to be dropped. */
s64 hugepage_subpool_put_pages(struct hugepage_subpool *spool, s64 delta);

/* -- HVO, hugetlb_vmemmap.c ------------------------------------------------ */

/* Best effort, on a folio of count 0: 7 of 8 (4095 of 4096) vmemmap pages become free. */
void hugetlb_vmemmap_optimize_folio(struct folio *folio);
/* Allocates those pages again, all or none: 0 or -ENOMEM with nothing changed. */
int hugetlb_vmemmap_restore_folio(struct folio *folio);
/* The frame of boot behind this part of the vmemmap was given away. */
bool vmemmap_boot_frame_released(const struct mm *mm, kvm_pfn_t pfn);
/* True when the struct page of @pfn is one of the shared, read-only ones. */
bool hugetlb_vmemmap_tail_readonly(const struct folio *head, kvm_pfn_t pfn);
u64 vmemmap_frames(const struct mm *mm);
/* Pages of the vmemmap that are free memory at this moment. */
u64 hugetlb_vmemmap_saved(const struct mm *mm);

/* -- split and merge, hugetlb_split.c ------------------------------------------ */

/*
 * The frozen pieces of the folio that began at @head become one again. Needs no
 * memory; optimizing is tried. The folio is frozen.
 */
struct folio *hugetlb_merge_folio(struct page *head);
/* Order of the hugetlb folio this page was split from, 0 when it was not. */
u32 hugetlb_split_origin(struct mm *mm, kvm_pfn_t pfn, kvm_pfn_t *head_pfn);
/*
 * Last reference of a piece gone, out of the page cache before. The folio is
 * merged and goes back to its pool when that was so for all pieces. False: not
 * a piece, free it as any other page.
 */
bool hugetlb_split_piece_put(struct folio *piece);
/*
 * The same in a page cache. Split: of a hugetlb folio, or of a piece of one with
 * more than 16 pages (-EINVAL for others); its only references are the cache's
 * (-EAGAIN otherwise); a failure puts it back whole. Merge: all pieces of the
 * original folio are in the cache with no reference but the cache's, else -EAGAIN
 * and nothing changed. No reference is held on return but the cache's.
 */
int __filemap_split_hugetlb(struct folio *folio, u32 new_order, u32 restructure);
int __filemap_merge_hugetlb(struct address_space *cache, pgoff_t index, u32 restructure);

/*
 * @restructure: putting back what was there, and a merge, take memory that may not
 * be there. Without it -ENOMEM, and a folio for which even that failed is lost: in
 * no page cache, on the leak list, with a WARN.
 */
#define RESTRUCTURE_UNDO_ALLOCATES	1u

static inline int filemap_split_hugetlb(struct folio *folio, u32 new_order)
{
	return __filemap_split_hugetlb(folio, new_order, 0);
}

static inline int filemap_merge_hugetlb(struct address_space *cache, pgoff_t index)
{
	return __filemap_merge_hugetlb(cache, index, 0);
}

#endif /* SEPTUM_MM_HUGETLB_H */
