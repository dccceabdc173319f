/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hold policies: what keeps a page that may still be mapped in an S-EPT from
 * being used by somebody else. One table of hooks each, a NULL hook does
 * nothing; the policy of 7.3.4, no-hold, has none at all. The hook points, the
 * locks held there and whether sleeping is allowed are those a kernel patch
 * would find.
 *
 * Callers use the hold_*() functions below, never a table. A new policy is one
 * row in hold_policies.def and its table in one of the hold_*.c files.
 *
 *   hold.c         rows, boot, what callers use, lists, accounting
 *   hold_pin.c     references: always-pin, ref-on-fail, gmem-gfn-count
 *   hold_inuse.c   inuse-flag-folio, inuse-flag-page, inuse-flag-ext
 *   hold_flag.c    err-page-flag, err-folio-flag, err-folio-flag-split, owner-flag
 *   hold_list.c    unmap-ret, gmem-errlist, flag-plus-list
 *   hold_poison.c  hwpoison, hwpoison-folio, gmem-bug-fd
 *   hold_host.c    no-hold, host-bug, tdx-shutdown, zero-on-fail
 */
#ifndef SEPTUM_KVM_HOLD_H
#define SEPTUM_KVM_HOLD_H

#include "model/kvm/kvm_host.h"

struct folio;
struct hold_inode;

/* Which step of a removal failed: what the failure leaves behind differs. */
enum hold_step {
	HOLD_STEP_BLOCK,	/* still mapped */
	HOLD_STEP_TRACK,	/* blocked, a TLB may still hold it */
	HOLD_STEP_REMOVE,	/* blocked */
	HOLD_STEP_WBINVD,	/* free in the S-EPT, dirty lines of the TD's KeyID */
	HOLD_STEP_NR
};

/* What guest_memfd zapped for. Only the first two can tell userspace of an error. */
enum hold_use {
	HOLD_CONVERT,		/* private to shared, in place */
	HOLD_PUNCH_HOLE,	/* truncation follows */
	HOLD_RELEASE,		/* a file goes, the folios stay */
	HOLD_MEMORY_FAILURE,	/* folio lock held: no settling */
};

struct hold_zap {
	enum hold_use use;
	struct kvm_unmapped unmapped;	/* what the unmap returned */
};

/* A folio that becomes several, or several that become one. On the caller's stack. */
struct hold_pieces {
	struct address_space *mapping;
	pgoff_t index;		/* of the first page */
	kvm_pfn_t pfn;
	u64 nr;			/* pages */
	/* What the policy takes from the old form to the new one. */
	u64 flags;
	void *list;
};

struct hold_policy {
	/* Unmapping returns the first frame that stayed: struct kvm_unmapped. */
	bool unmap_may_fail;
	/* It keeps something with each guest_memfd inode. */
	bool inode_data;
	/* Memory it takes when nothing fails: for each frame of RAM, each index. */
	u32 page_bytes, index_bytes;

	/* -- KVM's TDX code -- */

	/* Before PAGE.ADD or PAGE.AUG; mmu_lock read, no sleep. */
	void (*map)(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn);
	/* That SEAMCALL was busy or failed; mmu_lock read, no sleep. */
	void (*map_failed)(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			   kvm_pfn_t pfn, bool busy);
	/* The page is out of the S-EPT, written back and reset; mmu_lock write. */
	void (*removed)(struct kvm *kvm, gfn_t gfn, enum pg_level level, kvm_pfn_t pfn);
	/* The removal stopped at @step with @err; mmu_lock write, no sleep. */
	void (*remove_failed)(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			      kvm_pfn_t pfn, enum hold_step step, u64 err);
	/* A leaf of @level could not be split: all of it is still mapped or blocked.
	 * BUSY only and no memory are not failures. mmu_lock write, no sleep. */
	void (*demote_failed)(struct kvm *kvm, gfn_t gfn, enum pg_level level,
			      kvm_pfn_t pfn, u64 err);

	/* -- guest_memfd -- */

	/* A new inode; may sleep. 0 or -ENOMEM. */
	int (*inode_init)(struct hold_inode *hi, struct env *env);
	/* Before after_zap and truncate, with their locks: what the error path left to
	 * somebody who may sleep. May split the folio. */
	void (*settle)(struct folio *folio);
	/* invalidate_lock write, after the zap, before restructuring or truncation;
	 * the folio unlocked, may sleep. 0 or what the ioctl returns. */
	int (*after_zap)(struct folio *folio, const struct hold_zap *zap);
	/* guest_memfd drops @folio from its page cache, by a hole or for good: the
	 * last moment to keep it out of the allocator. invalidate_lock write or nobody
	 * else left; may sleep, cannot fail. */
	void (*truncate)(struct folio *folio);
	/* Around a split or a merge; invalidate_lock write. begin: the old form is in
	 * the page cache. done: the new one, or with @err the old one as it was. */
	void (*split_begin)(struct folio *folio, struct hold_pieces *pieces);
	void (*split_done)(struct hold_pieces *pieces, int err);
	void (*merge_begin)(struct hold_pieces *pieces);
	void (*merge_done)(struct hold_pieces *pieces, int err);
	/* A folio was found or made for @index: fallocate, faults, populate. 0 or an
	 * errno. invalidate_lock read, folio lock. */
	int (*alloc)(struct folio *folio, pgoff_t index);
	/* A guest's fault on it: 0 or what it gets. invalidate_lock read, folio lock. */
	int (*get_pfn)(struct folio *folio, pgoff_t index);
	/* A user mapping's fault on it: not 0 is SIGBUS. mmap lock, folio lock. */
	int (*host_fault)(struct folio *folio, pgoff_t index);
	/* The inode is about to get a file of another VM. 0 or an errno. */
	int (*link)(struct inode *inode);
	/* memory_failure() hit it; invalidate_lock read, folio lock, may sleep. */
	void (*memory_failure)(struct folio *folio);

	/* -- The page allocator: frames about to become free; any lock -- */
	void (*frames_freed)(struct kvm_globals *globals, kvm_pfn_t pfn, u32 order);
};

struct hold_policy_row {
	const char *name;
	const char *summary;
	const struct hold_policy *policy;
};

extern const struct hold_policy_row hold_policies[];
extern const u32 hold_policy_count;

/* NULL for an unknown name. */
const struct hold_policy *hold_policy_find(const char *name);

/* At boot, before the first VM: globals->policy and ->config are set. */
void hold_boot(struct kvm_globals *globals);

/* -- What KVM's TDX code calls ---------------------------------------------- */

/* hold_call(kvm, removed, gfn, level, pfn): nothing for a policy without it. */
#define hold_call(kvm, hook, ...)						\
	do {									\
		const struct hold_policy *policy_ =				\
			kvm_globals_of(kvm)->policy;				\
		if (policy_->hook) {						\
			hold_count_call(kvm_globals_of(kvm));			\
			policy_->hook(kvm, __VA_ARGS__);			\
		}								\
	} while (0)

void hold_count_call(struct kvm_globals *globals);
/* A removal or a split failed; before the policy's hook. A split: HOLD_STEP_NR. */
void hold_error_met(struct kvm *kvm, enum hold_step step);

/* -- What guest_memfd calls -------------------------------------------------- */

/* Of a new inode, whose i_private is set; 0 or -ENOMEM. */
int hold_inode_init(struct inode *inode, u64 size);
/* Its page cache is empty. */
void hold_inode_gone(struct inode *inode);

/*
 * After the zap of [start, end), before anything is restructured, stored or
 * truncated. @unmapped: what kvm_gmem_invalidate_start() returned. 0, or the
 * error the ioctl gives; *error_index is then the first bad index (may be NULL).
 * A conversion gets 0 whatever was found with knob conversion-checks=off. A hole
 * is not refused for pages that hold_truncate() will keep.
 */
int hold_after_zap(struct inode *inode, pgoff_t start, pgoff_t end, enum hold_use use,
		   struct kvm_unmapped unmapped, pgoff_t *error_index);
/* Just before the folios of [start, end) leave the page cache. */
void hold_truncate(struct inode *inode, pgoff_t start, pgoff_t end);

/*
 * Around filemap_split_hugetlb() and filemap_merge_hugetlb():
 *
 *	struct hold_pieces pieces;
 *
 *	hold_split_begin(folio, &pieces);
 *	err = filemap_split_hugetlb(folio, order);
 *	hold_split_done(&pieces, err);
 *
 * A split that is tried again after -EAGAIN takes both calls each time.
 */
void hold_split_begin(struct folio *folio, struct hold_pieces *pieces);
void hold_split_done(struct hold_pieces *pieces, int err);
/* The @nr pages from @index on, which begin a folio's natural place, become one. */
void hold_merge_begin(struct inode *inode, pgoff_t index, u64 nr, struct hold_pieces *pieces);
void hold_merge_done(struct hold_pieces *pieces, int err);

int hold_alloc(struct folio *folio, pgoff_t index);
int hold_get_pfn(struct folio *folio, pgoff_t index);
int hold_host_fault(struct folio *folio, pgoff_t index);
int hold_link(struct inode *inode);
void hold_memory_failure(struct folio *folio);

/* -- What the frame hooks call ----------------------------------------------- */

void hold_frames_freed(struct kvm_globals *globals, kvm_pfn_t pfn, u32 order);

/* -- Accounting --------------------------------------------------------------- */

void hold_probe(struct kvm_globals *globals, struct host_hold_view *view);

#endif /* SEPTUM_KVM_HOLD_H */
