/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which indices of a guest_memfd are private: ranges of attributes that cover
 * every index of the inode from its creation on (in-place conversion v8, June
 * 2026, patches 13 and 14: a maple tree there). Neighbouring ranges with equal
 * attributes are one range, always. No lock of its own: the inode's
 * invalidate_lock for write to store; who reads without it may read what is
 * about to change and must check that under mmu_lock, as faults do.
 *
 * Indices are in base pages, ranges half open. Lookups and stores take time in
 * the logarithm of the number of ranges.
 */
#ifndef SEPTUM_KVM_GMEM_ATTRIBUTES_H
#define SEPTUM_KVM_GMEM_ATTRIBUTES_H

#include "sim/base/pool.h"
#include "sim/base/types.h"

struct gmem_attr_range;

/* A store replaces at most the range it begins in and the one it ends in. */
#define GMEM_ATTR_SPARES	2

struct gmem_attributes {
	struct pool *pool;		/* where ranges come from */
	struct gmem_attr_range *root;
	struct gmem_attr_range *spare[GMEM_ATTR_SPARES];
	u64 nr_ranges;
};

/* In bytes, for the pool. */
u32 gmem_attr_range_size(void);

/* One range with @attrs over all there can be. */
void gmem_attributes_init(struct gmem_attributes *tree, struct pool *pool, u64 attrs);
void gmem_attributes_destroy(struct gmem_attributes *tree);

u64 gmem_attributes_get(const struct gmem_attributes *tree, pgoff_t index);
/* The same; *end becomes the first index after @index with other attributes, ~0 none. */
u64 gmem_attributes_run(const struct gmem_attributes *tree, pgoff_t index, pgoff_t *end);
bool gmem_attributes_range_has(const struct gmem_attributes *tree, pgoff_t start, pgoff_t end,
			       u64 attrs);

/*
 * Memory for the next store: 0 or -ENOMEM (site "gmem_attributes"), and nothing
 * changed. A store without it is a bug of the caller.
 */
int gmem_attributes_preallocate(struct gmem_attributes *tree);
/* Give it back unused. Harmless when there is none. */
void gmem_attributes_unreserve(struct gmem_attributes *tree);
/* Cannot fail; uses up what was preallocated. start < end. */
void gmem_attributes_store(struct gmem_attributes *tree, pgoff_t start, pgoff_t end, u64 attrs);

#endif /* SEPTUM_KVM_GMEM_ATTRIBUTES_H */
