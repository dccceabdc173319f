// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of a guest_memfd's indices: what the maple tree of in-place
 * conversion v8 (A. Tng, 18 June 2026, patches 13 and 14) keeps. A treap of the
 * first index of each range; the priority is a hash of that index, so that the
 * same ranges always make the same tree, however they came about. Left out: the
 * maple tree's node layout; a preallocation here is two ranges, there as many
 * nodes as the depth asks for.
 */
#include <errno.h>

#include "model/kvm/gmem_attributes.h"
#include "sim/base/env.h"

struct gmem_attr_range {
	pgoff_t start;			/* up to the next one's */
	u64 attrs;
	struct gmem_attr_range *left, *right;
};

u32 gmem_attr_range_size(void)
{
	return sizeof(struct gmem_attr_range);
}

static u64 priority(const struct gmem_attr_range *range)
{
	u64 hash = (range->start + 1) * 0x9e3779b97f4a7c15ULL;

	return hash ^ hash >> 32;
}

/* -- the treap: @left all that starts below @at, @right the rest ------------ */

static void split(struct gmem_attr_range *root, pgoff_t at, struct gmem_attr_range **left,
		  struct gmem_attr_range **right)
{
	while (root) {
		if (root->start < at) {
			*left = root;
			left = &root->right;
			root = root->right;
		} else {
			*right = root;
			right = &root->left;
			root = root->left;
		}
	}
	*left = NULL;
	*right = NULL;
}

static struct gmem_attr_range *join(struct gmem_attr_range *left, struct gmem_attr_range *right)
{
	struct gmem_attr_range *root = NULL, **hole = &root;

	while (left && right) {
		if (priority(left) > priority(right)) {
			*hole = left;
			hole = &left->right;
			left = left->right;
		} else {
			*hole = right;
			hole = &right->left;
			right = right->left;
		}
	}
	*hole = left ? left : right;
	return root;
}

static void free_all(struct gmem_attributes *tree, struct gmem_attr_range *root)
{
	while (root) {
		struct gmem_attr_range *right = root->right;

		free_all(tree, root->left);
		pool_free(tree->pool, root);
		tree->nr_ranges--;
		root = right;
	}
}

/* The range that has @index, with the beginning of the one after it. */
static const struct gmem_attr_range *find(const struct gmem_attributes *tree, pgoff_t index,
					  pgoff_t *end)
{
	const struct gmem_attr_range *at = tree->root, *found = NULL;

	*end = ~0ULL;
	while (at) {
		if (at->start <= index) {
			found = at;
			at = at->right;
		} else {
			*end = at->start;
			at = at->left;
		}
	}
	return found;
}

/* -- life ------------------------------------------------------------------- */

static void append(struct gmem_attributes *tree, struct gmem_attr_range **left,
		   struct gmem_attr_range *range, pgoff_t start, u64 attrs)
{
	*range = (struct gmem_attr_range){ .start = start, .attrs = attrs };
	*left = join(*left, range);
	tree->nr_ranges++;
}

void gmem_attributes_init(struct gmem_attributes *tree, struct pool *pool, u64 attrs)
{
	*tree = (struct gmem_attributes){ .pool = pool };
	append(tree, &tree->root, pool_alloc(pool), 0, attrs);
}

void gmem_attributes_destroy(struct gmem_attributes *tree)
{
	gmem_attributes_unreserve(tree);
	free_all(tree, tree->root);
	tree->root = NULL;
}

/* -- lookups ---------------------------------------------------------------- */

u64 gmem_attributes_run(const struct gmem_attributes *tree, pgoff_t index, pgoff_t *end)
{
	return find(tree, index, end)->attrs;
}

u64 gmem_attributes_get(const struct gmem_attributes *tree, pgoff_t index)
{
	pgoff_t end;

	return gmem_attributes_run(tree, index, &end);
}

bool gmem_attributes_range_has(const struct gmem_attributes *tree, pgoff_t start, pgoff_t end,
			       u64 attrs)
{
	pgoff_t run_end;

	/* Neighbours differ, so a range that ends inside is followed by another state. */
	return gmem_attributes_run(tree, start, &run_end) == attrs && run_end >= end;
}

/* -- stores ----------------------------------------------------------------- */

int gmem_attributes_preallocate(struct gmem_attributes *tree)
{
	u32 i;

	if (inject_alloc(env_of(tree->pool), "gmem_attributes"))
		return -ENOMEM;
	for (i = 0; i < GMEM_ATTR_SPARES; i++)
		if (!tree->spare[i])
			tree->spare[i] = pool_alloc(tree->pool);
	return 0;
}

void gmem_attributes_unreserve(struct gmem_attributes *tree)
{
	u32 i;

	for (i = 0; i < GMEM_ATTR_SPARES; i++) {
		if (tree->spare[i])
			pool_free(tree->pool, tree->spare[i]);
		tree->spare[i] = NULL;
	}
}

static struct gmem_attr_range *take_spare(struct gmem_attributes *tree, u32 i)
{
	struct gmem_attr_range *range = tree->spare[i];

	if (!range)
		internal_error("attributes stored without preallocation");
	tree->spare[i] = NULL;
	return range;
}

void gmem_attributes_store(struct gmem_attributes *tree, pgoff_t start, pgoff_t end, u64 attrs)
{
	struct gmem_attr_range *left, *middle, *right;
	u64 after = gmem_attributes_get(tree, end);

	/* Also what starts at the end goes: it may be what the new range merges with. */
	split(tree->root, start, &left, &right);
	split(right, end + 1, &middle, &right);
	free_all(tree, middle);

	/* Without a left neighbour there is nothing below @start, which then is 0. */
	tree->root = left;
	if (!left || gmem_attributes_get(tree, start) != attrs)
		append(tree, &left, take_spare(tree, 0), start, attrs);
	if (after != attrs)
		append(tree, &left, take_spare(tree, 1), end, after);
	tree->root = join(left, right);
	gmem_attributes_unreserve(tree);
}
