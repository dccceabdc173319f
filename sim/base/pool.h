/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two containers over the arena.
 *
 * struct pool:   objects of one size, with a free list. A freed object is
 *                zeroed and poisoned for AddressSanitizer.
 * struct sparse: an array of fixed-size elements indexed by a u64, of which
 *                only touched parts take memory. A 64-way radix tree whose
 *                leaves hold 64 neighbouring elements; the last leaf is cached,
 *                so neighbouring lookups cost a compare.
 *
 * Both live inside the arena and so follow its snapshots.
 */
#ifndef SEPTUM_BASE_POOL_H
#define SEPTUM_BASE_POOL_H

#include "sim/base/arena.h"

struct pool {
	const char *name;	/* for the leak report at the end of a run */
	u32 size;		/* bytes an object */
	u32 in_use;
	void *free;
};

void pool_init(struct pool *pool, const char *name, u32 size);
/* @pool must itself lie in an arena: that is where objects come from. */
void *pool_alloc(struct pool *pool);
void pool_free(struct pool *pool, void *object);

#define SPARSE_LEAF_SHIFT	6
#define SPARSE_LEAF_SIZE	(1u << SPARSE_LEAF_SHIFT)

struct sparse {
	u32 elem_size;		/* bytes an element */
	u8 height;		/* interior levels above the leaves */
	void *root;
	u64 cached_leaf;	/* index >> SPARSE_LEAF_SHIFT, ~0 = none */
	u8 *cached;
};

/* @limit: indexes are in [0, limit). */
void sparse_init(struct sparse *sparse, u32 elem_size, u64 limit);

u8 *sparse_leaf_slow(struct sparse *sparse, u64 index, bool create);

/* The element, NULL if its leaf was never touched. */
static inline void *sparse_find(struct sparse *sparse, u64 index)
{
	u8 *leaf = sparse->cached;

	if (sparse->cached_leaf != index >> SPARSE_LEAF_SHIFT)
		leaf = sparse_leaf_slow(sparse, index, false);
	if (!leaf)
		return NULL;
	return leaf + (index & (SPARSE_LEAF_SIZE - 1)) * sparse->elem_size;
}

/* The element, its leaf made (zeroed) if need be. Never NULL. */
static inline void *sparse_get(struct sparse *sparse, u64 index)
{
	u8 *leaf = sparse->cached;

	if (sparse->cached_leaf != index >> SPARSE_LEAF_SHIFT)
		leaf = sparse_leaf_slow(sparse, index, true);
	return leaf + (index & (SPARSE_LEAF_SIZE - 1)) * sparse->elem_size;
}

/*
 * The first index >= @from whose leaf exists, ~0 when there is none: for walks
 * over what was touched. Elements of such a leaf may still be all zero.
 */
u64 sparse_next(struct sparse *sparse, u64 from);

#endif /* SEPTUM_BASE_POOL_H */
