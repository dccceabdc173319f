/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The XArray as far as the port needs it: a 64-way radix tree over u64 indexes
 * whose entries may cover a naturally aligned power-of-two range (one slot in
 * the node of that level, plus sibling slots), lib/xarray.c of 7.3.4.
 *
 * An entry is a pointer aligned to 4, or a value (bit 0 set). NULL is nothing.
 * The tree must lie in an arena: nodes come from there, and allocating one asks
 * the injector (site "xarray"). The kernel's xa_lock is not modelled: no task
 * is ever switched away from inside a tree operation.
 */
#ifndef SEPTUM_MM_XARRAY_H
#define SEPTUM_MM_XARRAY_H

#include "model/mm/err.h"
#include "model/mm/gfp.h"

#define XA_CHUNK_SHIFT	6
#define XA_CHUNK_SIZE	(1u << XA_CHUNK_SHIFT)

struct xa_node {
	u8 shift;
	u8 offset;		/* in the parent */
	u8 count;		/* slots that hold something, siblings included */
	struct xa_node *parent;
	void *slots[XA_CHUNK_SIZE];
};

struct xarray {
	void *xa_head;
	/* The node of the last single-index lookup, and the indexes it spans. */
	struct xa_node *hint;
	u64 hint_base;
	/* The entry of more indexes than a node has that was looked up last, NULL none. */
	void *wide;
	u64 wide_first, wide_last;
};

static inline void *xa_mk_value(u64 value)
{
	return (void *)(uintptr_t)(value << 1 | 1);
}

static inline u64 xa_to_value(const void *entry)
{
	return (uintptr_t)entry >> 1;
}

static inline bool xa_is_value(const void *slot)
{
	return (uintptr_t)slot & 1;
}

/* All zero is an empty tree, too. */
void xa_init(struct xarray *xa);
void xa_destroy(struct xarray *xa);
static inline bool xa_empty(const struct xarray *tree)
{
	return !tree->xa_head;
}

/* Bits 1:0 of a slot: 00 pointer, x1 value, 10 internal (node or sibling). */
#define XA_INTERNAL	2ul

static inline bool xa_is_internal(const void *slot)
{
	return ((uintptr_t)slot & 3) == XA_INTERNAL;
}

void *xa_load_slow(struct xarray *xa, u64 index);

static inline void *xa_load(struct xarray *xa, u64 index)
{
	void *entry;

	if (likely(xa->hint && index >> XA_CHUNK_SHIFT == xa->hint_base)) {
		entry = xa->hint->slots[index & (XA_CHUNK_SIZE - 1)];
		if (likely(!xa_is_internal(entry)))
			return entry;
	}
	if (xa->wide && index >= xa->wide_first && index <= xa->wide_last)
		return xa->wide;
	return xa_load_slow(xa, index);
}

/* The same; *first and *last become the range the entry covers. */
void *xa_load_range(struct xarray *xa, u64 index, u64 *first, u64 *last);
/*
 * The old entry, NULL or ERR_PTR(-ENOMEM). A multi-index entry that the new one
 * overlaps is gone as a whole. Storing NULL never allocates.
 */
void *xa_store(struct xarray *xa, u64 index, void *entry, gfp_t gfp);
/* One entry over 2^order indexes from @index (aligned to that). */
void *xa_store_order(struct xarray *xa, u64 index, u32 order, void *entry, gfp_t gfp);
/* The same where nothing is yet: 0, -EEXIST or -ENOMEM. */
int xa_insert_order(struct xarray *xa, u64 index, u32 order, void *entry, gfp_t gfp);
/* Every index of [first, last], as few entries as alignment allows. 0 or -ENOMEM. */
int xa_store_range(struct xarray *xa, u64 first, u64 last, void *entry, gfp_t gfp);
void *xa_erase(struct xarray *xa, u64 index);
/* Makes sure that a later store of this index needs no memory: 0 or -ENOMEM. */
int xa_reserve(struct xarray *xa, u64 index, gfp_t gfp);
/*
 * The first entry at or after *index that touches [*index, max]; *index becomes
 * the larger of the entry's first index and *index. NULL when there is none.
 */
void *xa_find(struct xarray *xa, u64 *index, u64 max);
/* The next entry after the one that covers *index. */
void *xa_find_after(struct xarray *xa, u64 *index, u64 max);

#define xa_for_each_range(xa, index, entry, start, last)		\
	for (index = (start), entry = xa_find(xa, &(index), last);	\
	     entry; entry = xa_find_after(xa, &(index), last))
#define xa_for_each(xa, index, entry) \
	xa_for_each_range(xa, index, entry, 0, ~0ULL)

/*
 * Make room for splitting the entry of @old_order at @index into pieces of
 * @new_order: xas_split_alloc() and xas_split() in one. Afterwards each piece
 * has an entry of its own, all pointing at the old one. 0; -ENOMEM, also with a
 * WARN for splits across more than two levels of nodes, as the kernel refuses.
 */
int xa_split(struct xarray *xa, u64 index, u32 old_order, u32 new_order, gfp_t gfp);

#endif /* SEPTUM_MM_XARRAY_H */
