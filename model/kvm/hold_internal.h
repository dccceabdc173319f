/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the hold policies: what a policy keeps where, and the
 * few things that several of them do. hold.h says what each file has.
 */
#ifndef SEPTUM_KVM_HOLD_INTERNAL_H
#define SEPTUM_KVM_HOLD_INTERNAL_H

#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"

/* A frame on a list: of an inode, of a folio, or on its way between two folios. */
struct hold_error {
	struct hold_error *next;
	kvm_pfn_t pfn;
};

/* What a policy keeps with a guest_memfd inode; NULL there for most policies. */
struct hold_inode {
	struct hold_error *errors;	/* gmem-errlist; err-folio-flag-split: to be split off */
	bool bugged;			/* gmem-bug-fd: something of it could not be unmapped */
	bool given_up;			/* and all of it was kept since */
	u64 nr_pages;
	struct sparse in_use;		/* gmem-gfn-count: u32 an index */
};

/* kvm_globals.hold */
struct hold_state {
	struct host_hold_view count;
	struct pool errors, inodes;
	struct sparse page_ext;		/* inuse-flag-ext: u8 by pfn */
	bool any_mark;			/* PG_model_hold was ever set */
};

static inline struct hold_state *hold_of(const void *object)
{
	return kvm_globals_of(object)->hold;
}

static inline struct folio *pfn_folio(const void *object, kvm_pfn_t pfn)
{
	return page_folio(pfn_to_page(env_of(object), pfn));
}

static inline struct hold_inode *hold_inode_of(const struct inode *inode)
{
	return GMEM_I(inode)->hold;
}

/* The inode as KVM's TDX code finds it: by the folio. NULL once that is truncated. */
struct inode *pfn_gmem_inode(const void *object, kvm_pfn_t pfn);

/* The path without errors took a step: a flag, a count or a list entry. */
static inline void hold_step(const void *object, u64 steps)
{
	hold_of(object)->count.good_steps += steps;
}

/*
 * A node where the error was met: under mmu_lock, so from what is set aside for
 * those who cannot sleep. NULL when there is nothing left of that.
 */
struct hold_error *hold_error_new(struct hold_state *hold, kvm_pfn_t pfn);
void hold_errors_free(struct hold_state *hold, struct hold_error *list);
/* Whether a frame of [pfn, pfn + nr) is on @list. */
bool hold_errors_have(struct hold_state *hold, const struct hold_error *list,
		      kvm_pfn_t pfn, u64 nr);
/* Out of *list, if it is there. */
void hold_errors_drop(struct hold_state *hold, struct hold_error **list, kvm_pfn_t pfn);

/*
 * It stays out of the allocator and its pool for good. hold_keep() takes a
 * reference for that, hold_lost() is for those that are held already. A piece of
 * a hugetlb folio takes all of that folio with it: its pool gets it whole or not.
 */
void hold_keep(struct folio *folio, const char *reason);
void hold_lost(struct folio *folio, const char *reason);

/* One flag of page->flags, in the head only or in each page. */
static inline bool folio_marked(const struct folio *folio)
{
	return folio->flags & BIT_ULL(PG_model_hold);
}

/* In the struct page itself: a fault when that is a shared tail of an optimized folio. */
void hold_page_mark(struct page *page, bool mark);
void folio_mark(struct folio *folio);
void folio_unmark(struct folio *folio);

/* Spares a look at each page of a folio that cannot have a mark. */
static inline bool hold_any_mark(const void *object)
{
	hold_step(object, 1);
	return hold_of(object)->any_mark;
}

#define HOLD_POLICY(id, name, summary) extern const struct hold_policy hold_##id;
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY

#endif /* SEPTUM_KVM_HOLD_INTERNAL_H */
