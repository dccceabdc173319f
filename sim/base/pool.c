// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools and sparse arrays over the arena. A pool's free list is threaded
 * through the freed objects themselves, so a snapshot of the arena covers it.
 */
#include <string.h>

#include "sim/base/asan.h"
#include "sim/base/env.h"
#include "sim/base/pool.h"

void pool_init(struct pool *pool, const char *name, u32 size)
{
	*pool = (struct pool){
		.name = name,
		.size = size < sizeof(void *) ? sizeof(void *) : size,
	};
}

void *pool_alloc(struct pool *pool)
{
	void *object = pool->free;

	pool->in_use++;
	if (!object)
		return arena_alloc(arena_of(pool), pool->size);
	asan_unpoison(object, pool->size);
	memcpy(&pool->free, object, sizeof(pool->free));
	memset(object, 0, sizeof(pool->free));
	return object;
}

void pool_free(struct pool *pool, void *object)
{
	if (!object)
		return;
	/* Zeroed now, so that equal states are equal bytes for the explorer. */
	memset(object, 0, pool->size);
	memcpy(object, &pool->free, sizeof(pool->free));
	pool->free = object;
	pool->in_use--;
	asan_poison(object, pool->size);
}

#define FANOUT_SHIFT	6
#define FANOUT		(1u << FANOUT_SHIFT)

struct sparse_node {
	void *slot[FANOUT];
};

void sparse_init(struct sparse *sparse, u32 elem_size, u64 limit)
{
	u64 leaves = (limit + SPARSE_LEAF_SIZE - 1) >> SPARSE_LEAF_SHIFT;

	*sparse = (struct sparse){ .elem_size = elem_size, .cached_leaf = ~0ULL };
	while (leaves > 1) {
		sparse->height++;
		leaves = (leaves + FANOUT - 1) >> FANOUT_SHIFT;
	}
}

/*
 * The leaf looked at last. An explorer compares bytes: who looked last must not
 * make a new state of an old one.
 */
static void remember(struct sparse *sparse, u64 leaf, u8 *bytes)
{
	const struct env *env = arena_of(sparse)->root;

	if (env && unlikely(env->sched.stepped))
		return;
	sparse->cached_leaf = leaf;
	sparse->cached = bytes;
}

u8 *sparse_leaf_slow(struct sparse *sparse, u64 index, bool create)
{
	u64 leaf = index >> SPARSE_LEAF_SHIFT;
	int level = sparse->height;
	void **link = &sparse->root;

	/* The tree's span may be all 64 bits, then no index is out of it. */
	if (level * FANOUT_SHIFT < 64 && leaf >> (level * FANOUT_SHIFT)) {
		if (create)
			internal_error("index %#llx is beyond the array", (unsigned long long)index);
		return NULL;
	}
	while (level--) {
		if (!*link) {
			if (!create)
				return NULL;
			*link = arena_alloc(arena_of(sparse), sizeof(struct sparse_node));
		}
		link = &((struct sparse_node *)*link)
				->slot[leaf >> (level * FANOUT_SHIFT) & (FANOUT - 1)];
	}
	if (!*link) {
		if (!create)
			return NULL;
		*link = arena_alloc(arena_of(sparse),
				    (u64)sparse->elem_size << SPARSE_LEAF_SHIFT);
	}
	remember(sparse, leaf, *link);
	return *link;
}

/* First existing leaf >= @from under @link, which spans 64^level leaves; ~0 none. */
static u64 next_leaf(void *link, int level, u64 from)
{
	u64 span, i;

	if (!link)
		return ~0ULL;
	if (!level)
		return 0;
	span = 1ULL << ((level - 1) * FANOUT_SHIFT);
	for (i = from / span; i < FANOUT; i++) {
		u64 low = from > i * span ? from - i * span : 0;
		u64 found = next_leaf(((struct sparse_node *)link)->slot[i], level - 1, low);

		if (found != ~0ULL)
			return i * span + found;
	}
	return ~0ULL;
}

u64 sparse_next(struct sparse *sparse, u64 from)
{
	u64 first = from >> SPARSE_LEAF_SHIFT, leaf;
	int bits = sparse->height * FANOUT_SHIFT;

	if (bits + SPARSE_LEAF_SHIFT < 64 && from >> (bits + SPARSE_LEAF_SHIFT))
		return ~0ULL;
	leaf = next_leaf(sparse->root, sparse->height, first);
	if (leaf == ~0ULL)
		return ~0ULL;
	return leaf == first ? from : leaf << SPARSE_LEAF_SHIFT;
}
