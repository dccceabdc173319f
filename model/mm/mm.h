/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's memory management. One struct mm a simulation, found from any
 * object of it by mm_of(); struct pages, the buddy allocator and everything the
 * kernel keeps in file-scope variables of mm/ hang below it.
 *
 *   gfp.h             allocate and free pages
 *   page.h            struct page, struct folio, flags, references, folio lock
 *   fs.h              inode, address_space, file
 *   filemap.h         page cache, truncate, LRU batches
 *   mmap.h            user mappings, get_user_pages()
 *   memory_failure.h  poison
 *   huge_memory.h     splitting large folios
 *   hugetlb.h         hugetlb pools, HVO, splitting and merging their folios
 *   xarray.h err.h    what these are made of
 *
 * Sparse: struct pages exist 16 at a time once looked at; RAM never touched is
 * a handful of extents, so a 1 TiB host costs what a 1 GiB one does.
 */
#ifndef SEPTUM_MM_MM_H
#define SEPTUM_MM_MM_H

#include "model/hw/hw.h"
#include "model/mm/filemap.h"
#include "model/mm/gfp.h"
#include "model/mm/mmap.h"
#include "model/mm/page.h"

struct mm_config {
	bool check_pages;	/* check_pages_enabled: CONFIG_DEBUG_VM or check_pages=1 */
	bool debug_vm;		/* VM_BUG_ON and VM_WARN_ON are compiled in */
	bool lru_batches;	/* folio_add_lru() goes through per-CPU batches */
	bool panic_on_warn;
	bool hvo;		/* vm.hugetlb_optimize_vmemmap */
	u32 pcp_high;		/* pages a per-CPU list may keep, 0: no such lists */
	bool hugetlb;		/* the sizes exist though a pool may be empty */
	u32 hugetlb_2m, hugetlb_1g;	/* pool sizes at boot */
	bool memory_failure_recovery, memory_failure_early_kill, enable_soft_offline;
	bool panic_on_unrecoverable_memory_failure;
};

extern const struct mm_config mm_config_default;

/*
 * What a layer above wants to hear: a frame became free (refcount 0, about to be
 * handed on) or got a new owner. mm knows nothing about who listens.
 */
struct mm_hooks {
	void (*frame_freed)(void *ctx, kvm_pfn_t pfn, u32 order);
	void (*frame_allocated)(void *ctx, kvm_pfn_t pfn, u32 order);
	void *ctx;
};

/* A frame that never comes back. */
struct mm_leak {
	struct mm_leak *next;
	kvm_pfn_t pfn;
	u32 order;
	const char *reason;
};

struct mm;

static inline struct mm *mm_of(const void *object)
{
	return env_of(object)->layer[LAYER_MM];
}

/* All RAM of @hw. Hangs itself into env->layer[LAYER_MM]. */
struct mm *mm_create(struct env *env, struct hw *hw, const struct mm_config *config);
/* Set a switch of sysctls.def. -ENOENT, -EINVAL for anything but 0 and 1. */
int mm_sysctl(struct mm *mm, const char *name, u64 value);
void mm_set_hooks(struct mm *mm, const struct mm_hooks *hooks);
/* Take a range out of the allocator for good, as memblock reservations are; at boot only. */
void mm_reserve(struct mm *mm, kvm_pfn_t start, u64 nr_pages);

/* clear_highpage(), copy: what the host writes, as shared memory. */
void clear_highpage(struct page *page);
/* Bytes of the folio, whole pages. */
void folio_zero_range(struct folio *folio, u64 start, u64 length);

/*
 * Declare a frame lost: it keeps its references, is never freed and shows up in
 * probe_leaks with @reason (a string that stays).
 */
__cold void mm_leak(struct page *page, u32 order, const char *reason);
const struct mm_leak *mm_leaks(const struct mm *mm);

/* The host has panicked: BUG, #MC in the kernel, or WARN under panic_on_warn. */
bool mm_host_down(const struct mm *mm);
/* BUG(): recorded; the host is down from here on. */
__cold void mm_bug(struct env *env, const char *where, const char *text);

/* -- probes: read-only ---------------------------------------------------- */

/* On a free list, in the buddy, per CPU or of a hugetlb pool, or never allocated. */
bool mm_frame_free(struct mm *mm, kvm_pfn_t pfn);

struct holder_view {
	enum holder holder;
	const char *kind;
	s32 count;
	kvm_pfn_t pfn;		/* the page it was taken for, the folio's first if for all */
};

/* At most @max of the holders of the folio this frame belongs to; how many there are. */
int mm_holders(struct mm *mm, kvm_pfn_t pfn, struct holder_view *view, u32 max);

/*
 * Looks at every struct page that exists: counts against the ledger, buddy
 * lists against page types (INV_REFCOUNT_HAS_HOLDERS), and that the frames in
 * use are @expected_in_use or on the leak list (INV_FRAMES_ACCOUNTED, ~0 skips).
 */
void mm_check(struct mm *mm, u64 expected_in_use);
/*
 * Counts against the ledger for the folios allocated or locked since the last
 * call, the latest 16 of them: cheap enough for every step.
 */
void mm_check_recent(struct mm *mm);
/* Frames in use: RAM less free, reserved, pooled (hugetlb) and leaked ones. */
u64 mm_nr_in_use(const struct mm *mm);

#endif /* SEPTUM_MM_MM_H */
