/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of model/mm share and nobody above needs: struct mm itself,
 * the zone, the sparse vmemmap, per-CPU lists. Facts: mm/internal.h and
 * include/linux/mmzone.h of 7.3.4.
 */
#ifndef SEPTUM_MM_INTERNAL_H
#define SEPTUM_MM_INTERNAL_H

#include "model/mm/memory_failure.h"
#include "model/mm/mm.h"

#define pageblock_order		9
#define HUGETLB_2M_ORDER	9
#define HUGETLB_1G_ORDER	18
#define BLOCK_PAGES		(1ULL << MAX_PAGE_ORDER)
/* Reserved at boot: firmware and kernel (4 MiB), behind them the vmemmap. */
#define KERNEL_IMAGE_PAGES	BLOCK_PAGES
#define VMEMMAP_PAGE_SHIFT	6	/* struct pages a frame holds */

#define PAGE_FLAGS_MODEL \
	(BIT_ULL(PG_model_readonly) | BIT_ULL(PG_model_pcp) | BIT_ULL(PG_model_leaked))
#define PAGE_FLAGS_CHECK_AT_FREE \
	(BIT_ULL(PG_lru) | BIT_ULL(PG_locked) | BIT_ULL(PG_private) | BIT_ULL(PG_private_2) | \
	 BIT_ULL(PG_writeback) | BIT_ULL(PG_reserved) | BIT_ULL(PG_active) | \
	 BIT_ULL(PG_unevictable))
#define PAGE_FLAGS_CHECK_AT_PREP \
	((BIT_ULL(__NR_PAGEFLAGS) - 1) & ~BIT_ULL(PG_hwpoison))

struct free_area {
	struct list_head free_list;
	u64 nr_free;			/* blocks */
};

/* Whole blocks of MAX_PAGE_ORDER, free since boot: no struct page needed yet. */
struct extent {
	kvm_pfn_t start, end;
	struct extent *next;		/* ascending */
};

struct zone {
	kvm_pfn_t end_pfn;
	struct free_area free_area[NR_PAGE_ORDERS];
	struct extent *untouched;
	struct pool extents;
	struct extent *reserved;
	u64 nr_free;			/* pages: buddy, per-CPU lists and untouched */
	u64 nr_reserved, nr_leaked;	/* pages */
	u32 pcp_disabled;		/* zone_pcp_disable() depth */
};

/* What each CPU keeps to itself; made when the CPU first needs it. */
struct mm_cpu {
	struct list_head pcp;
	u32 pcp_count;
	struct folio_batch lru_add;
};

#define VMEMMAP_CACHE	16
#define MM_RECENT	16

/* Leaves by pfn >> VMEMMAP_LEAF_SHIFT in a 64-way radix tree. */
struct vmemmap {
	void *root;
	u8 height;
	struct pool leaves;
	struct {
		u64 key;		/* leaf number + 1, 0 none */
		struct vmemmap_leaf *leaf;
	} cache[VMEMMAP_CACHE];
};

struct memory_failure_state {
	struct lock mf_mutex;
	u64 num_poisoned_pages;
	bool hw_memory_failure;		/* a real one happened: no unpoison any more */
	u32 last_result;		/* enum mf_result of the last action_result() */
	const char *last_type;
	struct pool raw_hwp_pages;
};

struct folio_lock;
struct hugetlb_state;

struct mm {
	struct env *env;
	struct hw *hw;
	struct mm_config config;
	struct mm_hooks hooks;
	struct zone zone;
	struct vmemmap vmemmap;
	struct mm_cpu *cpu[HW_CPU_MAX];
	struct pool xa_nodes, inodes, files, mm_structs, vmas, leak_pool;
	struct folio_lock *idle_folio_locks;
	struct mm_leak *leaks;
	struct memory_failure_state mf;
	struct hugetlb_state *hugetlb;	/* NULL without hugetlb pools */
	u64 next_ino;
	u32 compound_leaves;		/* live compound pages larger than a leaf */
	/* Allocated or locked since mm_check_recent() looked last; the latest if too many. */
	u32 recent[MM_RECENT];
	u32 nr_recent;
	bool host_down;
};

/* -- vmemmap.c ----------------------------------------------------------- */

struct page *pfn_to_page_slow(struct mm *mm, kvm_pfn_t pfn);
/* Set aside at boot; what HVO gave away since is still told so. */
bool pfn_is_reserved(const struct mm *mm, kvm_pfn_t pfn);
/* NULL where nobody has looked yet. */
struct vmemmap_leaf *vmemmap_find(struct mm *mm, u64 leaf_nr);
/* The first existing leaf that begins in [*pfn, end); *pfn becomes its first pfn. */
struct vmemmap_leaf *vmemmap_next(struct mm *mm, kvm_pfn_t *pfn, kvm_pfn_t end);
/* Forget a leaf whose contents are implied by the compound page that covers it. */
void vmemmap_drop(struct mm *mm, u64 leaf_nr);
void vmemmap_init(struct mm *mm);

static inline struct page *__pfn_to_page(struct mm *mm, kvm_pfn_t pfn)
{
	u64 nr = pfn >> VMEMMAP_LEAF_SHIFT;

	if (likely(mm->vmemmap.cache[nr % VMEMMAP_CACHE].key == nr + 1))
		return &mm->vmemmap.cache[nr % VMEMMAP_CACHE].leaf
				->page[pfn & (VMEMMAP_LEAF_PAGES - 1)];
	return pfn_to_page_slow(mm, pfn);
}

/* The same for an explorer, to whom the order they came in would be state. */
void note_recent_sorted(struct mm *mm, kvm_pfn_t pfn);

static inline void note_recent(struct mm *mm, kvm_pfn_t pfn)
{
	if (unlikely(mm->env->sched.stepped))
		note_recent_sorted(mm, pfn);
	else
		mm->recent[mm->nr_recent++ % MM_RECENT] = pfn;
}

/* The struct page if it exists. */
static inline struct page *find_page(struct mm *mm, kvm_pfn_t pfn)
{
	u64 nr = pfn >> VMEMMAP_LEAF_SHIFT;
	struct vmemmap_leaf *leaf;

	if (likely(mm->vmemmap.cache[nr % VMEMMAP_CACHE].key == nr + 1))
		leaf = mm->vmemmap.cache[nr % VMEMMAP_CACHE].leaf;
	else
		leaf = vmemmap_find(mm, nr);
	return leaf ? &leaf->page[pfn & (VMEMMAP_LEAF_PAGES - 1)] : NULL;
}

void prep_compound_page(struct page *page, u32 order);
void set_compound_head(struct page *tail, u32 order);
void clear_compound_head(struct page *tail);
/* Undo it: tails become plain pages again, after the checks of the free path. */
bool clear_compound_page(struct page *page, u32 order);

/* -- sizes of private objects ---------------------------------------------- */

void xa_pool_init(struct pool *pool);
void memory_failure_init(struct mm *mm);
void mm_unleak(struct page *page);

/* -- page_alloc.c -------------------------------------------------------- */

void zone_init(struct mm *mm);
void zone_pcp_disable(struct mm *mm);
void zone_pcp_enable(struct mm *mm);
void drain_all_pages(struct mm *mm);
bool is_free_buddy_page(struct page *page);
/* Free page out of the buddy, refcount stays 0. False when it is not free there. */
bool take_page_off_buddy(struct page *bad);
bool put_page_back_buddy(struct page *bad);
void __free_one_page(struct mm *mm, struct page *page, u32 order);
/* Reserved frames become free memory. */
void free_reserved_block(struct mm *mm, kvm_pfn_t start, u32 order);
void set_page_refcounted(struct page *page);
/* Reports an allocation that may sleep where that is not allowed (INV_LOCK_RULES). */
void might_alloc(struct env *env, gfp_t gfp, const char *site);
struct mm_cpu *this_cpu_mm(struct mm *mm);

/* -- page_ref.c ----------------------------------------------------------- */

/* The folio goes back to the allocator: nobody may still be in the ledger. */
void ledger_check_empty(struct folio *folio);
s64 ledger_sum(const struct folio *folio);
/*
 * True when the chooser (CHOICE_REF) has a scanner hold a reference at this very
 * moment: compaction, hot-remove, DAMON and the like take one without asking.
 */
bool scanner_passes(struct folio *folio);
void page_trace(struct mm *mm, kvm_pfn_t pfn, u32 order, const char *what);

/* -- folio.c --------------------------------------------------------------- */

void shake_folio(struct folio *folio);
void page_cache_release(struct folio *folio);

/* -- filemap.c, truncate.c -------------------------------------------------- */

u32 find_get_entries(struct address_space *mapping, pgoff_t *start, pgoff_t end,
		     struct folio_batch *batch);
u32 find_lock_entries(struct address_space *mapping, pgoff_t *start, pgoff_t end,
		      struct folio_batch *batch);
void delete_from_page_cache_batch(struct address_space *mapping, struct folio_batch *batch);
bool truncate_inode_partial_folio(struct folio *folio, u64 start, u64 end);

/* -- mmap.c ------------------------------------------------------------------ */

/* i_mmap_rwsem is held already. */
void unmap_folio_locked(struct folio *folio);
void unmap_poisoned_folio(struct folio *folio, bool markers);
struct page *follow_or_fault(struct mm_struct *mms, u64 address, bool write, int *err);

/* -- hugetlb*.c --------------------------------------------------------------- */

struct hstate;

/* What is remembered of a split hugetlb folio. */
struct hugetlb_stash {
	kvm_pfn_t head_pfn;
	u32 order;
	u64 private;
	u64 pages_freed;	/* of pieces that lost their last reference */
	void *subpool;
};

/* Seen while the pieces were gone through anyway: one pass over them less. */
struct hugetlb_pieces_seen {
	bool uptodate;		/* all of them were */
	bool all_plain;		/* small, none is poisoned or has a lock somebody wants */
};

void hugetlb_split_init(struct hugetlb_state *state);
/* NULL when this page is of no split folio. */
struct hugetlb_stash *hugetlb_stash_of(struct mm *mm, kvm_pfn_t pfn);
/*
 * @folio is frozen and in no page cache. Afterwards it is 2^(old - new) frozen
 * plain folios of @new_order with @flags. Undoes HVO and remembers what the pool
 * must know to get it back. 0, -ENOMEM with nothing changed.
 */
int hugetlb_split_folio_flags(struct folio *folio, u32 new_order, u64 flags);
/* Frozen pieces of whatever order become one compound page. */
bool hugetlb_join_pieces(struct page *head, u32 order, const struct hugetlb_pieces_seen *seen);
/* The same, and a hugetlb folio of its pool again; the stash is gone. */
struct folio *hugetlb_merge_pieces(struct page *head, const struct hugetlb_pieces_seen *seen);
/* hugetlb_lock is held, and dropped meanwhile. */
int gather_surplus_pages(struct hstate *h, s64 needed);
bool free_surplus_huge_folio(struct hstate *h);

/* -- bugs ------------------------------------------------------------------ */

#define VM_BUG_ON(env, cond)						\
	do {								\
		if (unlikely(cond) && mm_of(env)->config.debug_vm)	\
			mm_bug(env, __func__, #cond);			\
	} while (0)
#define VM_BUG_ON_FOLIO(cond, folio)	VM_BUG_ON(env_of(folio), cond)
#define VM_WARN_ON_ONCE(env, cond)					\
	do {								\
		if (mm_of(env)->config.debug_vm)			\
			WARN_ON_ONCE(env, cond);			\
	} while (0)

#endif /* SEPTUM_MM_INTERNAL_H */
