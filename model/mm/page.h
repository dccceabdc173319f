/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct page and struct folio: include/linux/mm_types.h, page-flags.h and
 * page_ref.h of 7.3.4, x86-64.
 *
 * A struct page is 64 bytes at the kernel's offsets. Two words the kernel uses
 * for other things are the model's: the pfn (there is no contiguous vmemmap to
 * compute it from) and the folio lock. Struct pages are made on first look, 16
 * at a time, so pages of one folio are NOT contiguous in memory beyond the
 * first 16: use folio_page(), never page + 1.
 *
 * Beside each struct page lies its ledger: who holds the references. The
 * ported code never reads it; probes and INV_REFCOUNT_HAS_HOLDERS do.
 *
 * Every function that takes or drops a reference has a form with _as that
 * names the holder; the plain kernel name means HOLDER_LOOKUP, the temporary
 * reference of code that looked a folio up.
 */
#ifndef SEPTUM_MM_PAGE_H
#define SEPTUM_MM_PAGE_H

#include "sim/base/env.h"
#include "sim/base/list.h"

struct address_space;

enum holder {
#define HOLDER(name, word, sentence) HOLDER_##name,
#include "model/mm/holders.def"
#undef HOLDER
	HOLDER_NR
};

extern const char *const holder_name[HOLDER_NR];

/* Bit numbers of page->flags; those the code relies on are the kernel's. */
enum pageflags {
	PG_locked = 0,
	PG_writeback,
	PG_referenced,
	PG_uptodate,
	PG_dirty,
	PG_lru,
	PG_head = 6,
	PG_waiters = 7,
	PG_active,
	PG_workingset,
	PG_owner_priv_1,
	PG_owner_2,
	PG_arch_1,
	PG_reserved,
	PG_private,
	PG_private_2,
	PG_reclaim,
	PG_swapbacked,
	PG_unevictable,
	PG_dropbehind,
	PG_mlocked,
	PG_hwpoison,
	__NR_PAGEFLAGS,

	/* In the flags of page 1 of a large folio. */
	PG_has_hwpoisoned = PG_active,
	PG_large_rmappable = PG_workingset,

	/* The model's: this struct page is a view of a shared, read-only tail. */
	PG_model_readonly = 40,
	/* The model's: on a per-CPU free list. */
	PG_model_pcp,
	/* The model's: on the leak list. */
	PG_model_leaked,
	/* The model's: the mark of a hold policy that needs a flag of its own. */
	PG_model_hold,
};

/*
 * What the flags of page 1 say of the large folio; the rest, PG_hwpoison first of
 * all, is the page's own.
 */
#define PAGE_FLAGS_SECOND \
	(0xffULL | BIT_ULL(PG_has_hwpoisoned) | BIT_ULL(PG_large_rmappable))

/* Top byte of page_type; PGTY_none is a mapcount of zero mappings. */
#define PGTY_buddy	0xf0u
#define PGTY_table	0xf2u
#define PGTY_hugetlb	0xf4u
#define PAGE_TYPE_NONE	0xffffffffu

#define TAIL_MAPPING	((struct address_space *)0x400)
#define GUP_PIN_COUNTING_BIAS	1024

struct page {
	u64 flags;			/* BIT(enum pageflags) */
	union {
		struct list_head lru;
		struct list_head buddy_list;
		struct {
			u64 compound_info;	/* bit 0: tail; else a mask, see compound.h */
			u64 lru_prev;
		};
	};
	struct address_space *mapping;
	pgoff_t index;
	u64 private;			/* PageBuddy: its order. hugetlb: HPG_* bits */
	union {
		u32 page_type;
		s32 _mapcount;		/* -1 when not mapped */
	};
	s32 _refcount;
	u32 pfn;
	u32 lock_ref;			/* struct folio_lock in use, 0 none; lock.c */
};

static_assert(sizeof(struct page) == 64, "a vmemmap page holds 64 struct pages");

/* Tail pages 1 to 3 of a large folio carry fields of the folio. */
struct folio {
	union {
		struct {
			u64 flags;
			struct list_head lru;
			struct address_space *mapping;
			pgoff_t index;
			u64 private;
			s32 _mapcount;
			s32 _refcount;
			u32 pfn;
			u32 lock_ref;
		};
		struct page page;
	};
	union {
		struct {
			u64 _flags_1;		/* 7:0 order */
			u64 _head_1;
			s32 _large_mapcount;	/* -1 when not mapped */
			s32 _nr_pages_mapped;
			s32 _entire_mapcount;	/* -1 when not mapped */
			s32 _pincount;
		};
		struct page __page_1;
	};
	union {
		struct {
			u64 _flags_2;
			u64 _head_2;
			struct list_head _deferred_list;
			void *_hold_errors;	/* the model's: flag-plus-list */
		};
		struct page __page_2;
	};
	union {
		struct {
			u64 _flags_3;
			u64 _head_3;
			void *_hugetlb_subpool;
			void *_hugetlb_cgroup;
			void *_hugetlb_cgroup_rsvd;
			void *_hugetlb_hwpoison;	/* list of struct raw_hwp_page */
		};
		struct page __page_3;
	};
};

static_assert(offsetof(struct folio, _large_mapcount) == 80, "as the kernel has it");
static_assert(offsetof(struct folio, _hugetlb_subpool) == 208, "as the kernel has it");

/*
 * References by kind, beside each struct page (offset is constant). A tail page's
 * says which of its folio's references are for that page.
 */
struct page_ledger {
	union {
		s32 count[HOLDER_NR];
		u64 word[8];	/* all of it, to see at once that it is empty */
	};
};

static_assert(HOLDER_NR <= 16, "the ledger of a page is one cache line");

static_assert(sizeof(struct page_ledger) == 64, "as large as its struct page");

#define VMEMMAP_LEAF_SHIFT	4
#define VMEMMAP_LEAF_PAGES	(1u << VMEMMAP_LEAF_SHIFT)

struct vmemmap_leaf {
	struct page page[VMEMMAP_LEAF_PAGES];
	struct page_ledger ledger[VMEMMAP_LEAF_PAGES];
};

static inline struct page_ledger *page_ledger(const struct page *page)
{
	return (struct page_ledger *)((char *)(uintptr_t)page +
				      offsetof(struct vmemmap_leaf, ledger));
}

static inline kvm_pfn_t page_to_pfn(const struct page *page)
{
	return page->pfn;
}

static inline kvm_pfn_t folio_pfn(const struct folio *folio)
{
	return folio->pfn;
}

static inline hpa_t page_to_phys(const struct page *page)
{
	return pfn_to_hpa(page->pfn);
}

/* Makes the struct page if nobody looked before. NULL beyond the end of RAM. */
struct page *pfn_to_page(struct env *env, kvm_pfn_t pfn);

static inline bool PageTail(const struct page *page)
{
	return page->compound_info & 1;
}

static inline bool folio_test_large(const struct folio *head)
{
	return head->flags & BIT_ULL(PG_head);
}

static inline u32 folio_order(const struct folio *folio)
{
	return folio_test_large(folio) ? folio->_flags_1 & 0xff : 0;
}

static inline u64 folio_nr_pages(const struct folio *folio)
{
	return 1ULL << folio_order(folio);
}

struct folio *page_folio_tail(const struct page *page);

static inline struct folio *page_folio(const struct page *page)
{
	if (unlikely(PageTail(page)))
		return page_folio_tail(page);
	return (struct folio *)(uintptr_t)page;
}

struct page *folio_page_far(const struct folio *folio, u64 n);

/* The nth page of the folio. */
static inline struct page *folio_page(const struct folio *folio, u64 n)
{
	if (n < VMEMMAP_LEAF_PAGES && !(folio->pfn & (VMEMMAP_LEAF_PAGES - 1)))
		return (struct page *)(uintptr_t)&folio->page + n;
	return n ? folio_page_far(folio, n) : (struct page *)(uintptr_t)&folio->page;
}

static inline struct page *folio_file_page(const struct folio *folio, pgoff_t index)
{
	return folio_page(folio, (folio_nr_pages(folio) - 1) & index);
}

/* -- flags --------------------------------------------------------------- */

__cold void page_readonly_fault(const struct page *page, const char *what);

/* A store to a struct page; a fault when it is the shared tail of an HVO'd folio. */
#define page_store(page, what)							\
	do {									\
		if (unlikely((page)->flags & BIT_ULL(PG_model_readonly)))	\
			page_readonly_fault(page, what);			\
	} while (0)

#define FOLIO_FLAG(name, bit)							\
static inline bool folio_test_##name(const struct folio *head)			\
{										\
	return head->flags & BIT_ULL(bit);					\
}										\
static inline void folio_set_##name(struct folio *folio)			\
{										\
	folio->flags |= BIT_ULL(bit);						\
}										\
static inline void folio_clear_##name(struct folio *folio)			\
{										\
	folio->flags &= ~BIT_ULL(bit);						\
}										\
static inline bool folio_test_clear_##name(struct folio *head)			\
{										\
	bool was = head->flags & BIT_ULL(bit);					\
										\
	head->flags &= ~BIT_ULL(bit);						\
	return was;								\
}

FOLIO_FLAG(writeback, PG_writeback)
FOLIO_FLAG(referenced, PG_referenced)
FOLIO_FLAG(uptodate, PG_uptodate)
FOLIO_FLAG(dirty, PG_dirty)
FOLIO_FLAG(lru, PG_lru)
FOLIO_FLAG(active, PG_active)
FOLIO_FLAG(workingset, PG_workingset)
FOLIO_FLAG(unevictable, PG_unevictable)
FOLIO_FLAG(swapbacked, PG_swapbacked)
FOLIO_FLAG(mlocked, PG_mlocked)
FOLIO_FLAG(reserved, PG_reserved)
FOLIO_FLAG(owner_2, PG_owner_2)

#define folio_mark_uptodate(folio)	folio_set_uptodate(folio)

static inline bool folio_test_locked(const struct folio *folio)
{
	return folio->flags & BIT_ULL(PG_locked);
}

static inline bool folio_has_private(const struct folio *folio)
{
	return folio->flags & (BIT_ULL(PG_private) | BIT_ULL(PG_private_2));
}

static inline bool folio_test_has_hwpoisoned(const struct folio *folio)
{
	return folio_test_large(folio) && folio->_flags_1 & BIT_ULL(PG_has_hwpoisoned);
}

/* A trace event when the flag of @page is about to become @set and was not. */
void page_poison_trace(const struct page *page, bool set);

static inline bool folio_test_hwpoison(const struct folio *head)
{
	return head->flags & BIT_ULL(PG_hwpoison);
}

static inline void folio_set_hwpoison(struct folio *folio)
{
	page_poison_trace(&folio->page, true);
	folio->flags |= BIT_ULL(PG_hwpoison);
}

static inline void folio_clear_hwpoison(struct folio *folio)
{
	page_poison_trace(&folio->page, false);
	folio->flags &= ~BIT_ULL(PG_hwpoison);
}

static inline bool folio_test_clear_hwpoison(struct folio *head)
{
	bool was = folio_test_hwpoison(head);

	folio_clear_hwpoison(head);
	return was;
}

static inline bool PageHWPoison(const struct page *page)
{
	return page->flags & BIT_ULL(PG_hwpoison);
}

static inline void SetPageHWPoison(struct page *page)
{
	page_store(page, "SetPageHWPoison");
	page_poison_trace(page, true);
	page->flags |= BIT_ULL(PG_hwpoison);
}

static inline void ClearPageHWPoison(struct page *page)
{
	page_store(page, "ClearPageHWPoison");
	page_poison_trace(page, false);
	page->flags &= ~BIT_ULL(PG_hwpoison);
}

static inline bool TestSetPageHWPoison(struct page *page)
{
	bool was = PageHWPoison(page);

	SetPageHWPoison(page);
	return was;
}

/* Head bit of a THP, or any page of it: folio_contain_hwpoisoned_page(). */
static inline bool folio_contain_hwpoisoned_page(const struct folio *folio)
{
	return folio_test_hwpoison(folio) || folio_test_has_hwpoisoned(folio);
}

static inline bool page_has_type(const struct page *page, u32 type)
{
	return page->page_type >> 24 == type;
}

#define PageBuddy(page)		page_has_type(page, PGTY_buddy)

static inline bool folio_test_hugetlb(const struct folio *folio)
{
	return page_has_type(&folio->page, PGTY_hugetlb);
}

static inline bool PageHuge(const struct page *any)
{
	return folio_test_hugetlb(page_folio(any));
}

static inline s32 folio_mapcount(const struct folio *folio)
{
	if (folio_test_large(folio))
		return folio->_large_mapcount + 1;
	return folio->_mapcount < -1 ? 0 : folio->_mapcount + 1;
}

static inline bool folio_mapped(const struct folio *head)
{
	return folio_mapcount(head) > 0;
}

/* -- references ---------------------------------------------------------- */

void ref_trace(const struct folio *folio, enum holder holder, s32 delta);
__cold void ref_broken(const struct folio *folio, enum holder holder);
void __folio_put(struct folio *folio);

static inline s32 folio_ref_count(const struct folio *folio)
{
	return folio->_refcount;
}

static inline s32 page_ref_count(const struct page *page)
{
	return page->_refcount;
}

/* The ledger's half of a change by @nr; nobody may give back what he does not hold. */
static inline void ledger_add(struct folio *folio, enum holder holder, s32 nr)
{
	s32 *count = &page_ledger(&folio->page)->count[holder];

	*count += nr;
	if (unlikely(*count < 0 && holder != HOLDER_FREEZE))
		ref_broken(folio, holder);
	if (unlikely(trace_on(env_of(folio), TRACE_REF)))
		ref_trace(folio, holder, nr);
}

/* A reference changes hands: nothing the kernel would see. */
static inline void ledger_move(struct folio *folio, enum holder from, enum holder to, s32 nr)
{
	ledger_add(folio, from, -nr);
	ledger_add(folio, to, nr);
}

/*
 * Of the references just taken or dropped on its folio, @nr were for this page. Only
 * the ledger knows: the kernel counts them on the head and cannot tell afterwards.
 */
static inline void ledger_note_page(struct page *page, enum holder holder, s32 nr)
{
	if (unlikely(PageTail(page)))
		page_ledger(page)->count[holder] += nr;
}

static inline void folio_ref_add_as(struct folio *folio, s32 nr, enum holder holder)
{
	page_store(&folio->page, "folio_ref_add");
	folio->_refcount += nr;
	ledger_add(folio, holder, nr);
}

__cold void folio_get_dead(const struct folio *folio);

static inline void folio_get_as(struct folio *folio, enum holder holder)
{
	if (unlikely(folio->_refcount <= 0))
		folio_get_dead(folio);
	folio_ref_add_as(folio, 1, holder);
}

/* False when the count is 0: free, or frozen by somebody. */
static inline bool folio_try_get_as(struct folio *folio, enum holder holder)
{
	if (folio->_refcount == 0)
		return false;
	folio_ref_add_as(folio, 1, holder);
	return true;
}

static inline void folio_put_refs_as(struct folio *folio, s32 nr, enum holder holder)
{
	folio->_refcount -= nr;
	ledger_add(folio, holder, -nr);
	if (folio->_refcount == 0)
		__folio_put(folio);
}

static inline void folio_put_as(struct folio *folio, enum holder holder)
{
	folio_put_refs_as(folio, 1, holder);
}

#define folio_get(folio)		folio_get_as(folio, HOLDER_LOOKUP)
#define folio_try_get(folio)		folio_try_get_as(folio, HOLDER_LOOKUP)
#define folio_put(folio)		folio_put_as(folio, HOLDER_LOOKUP)
#define folio_put_refs(folio, nr)	folio_put_refs_as(folio, nr, HOLDER_LOOKUP)
#define get_page(page)			folio_get(page_folio(page))
#define put_page(page)			folio_put(page_folio(page))
#define put_page_as(page, holder)	folio_put_as(page_folio(page), holder)

/* True, and the count is 0, only if it was exactly @count. */
bool folio_ref_freeze(struct folio *folio, s32 count);
void folio_ref_unfreeze(struct folio *folio, s32 count);
/* References that page cache, private data and mappings explain; section 2.3. */
s32 folio_expected_ref_count(const struct folio *folio);
/* Exact for large folios; a small one with 1024 plain references looks pinned too. */
bool folio_maybe_dma_pinned(const struct folio *folio);

/* -- the folio lock (PG_locked) ------------------------------------------ */

void folio_lock(struct folio *folio);
bool folio_trylock(struct folio *folio);
void folio_unlock(struct folio *folio);

#endif /* SEPTUM_MM_PAGE_H */
