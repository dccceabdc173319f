// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XArray: lib/xarray.c of Linux 7.3.4 in its outward behaviour. 64 slots a
 * node; an entry of order k lies in the node of shift k - k % 6 as one slot plus
 * 2^(k % 6) - 1 sibling slots that name it.
 *
 * Left out: RCU, marks, xa_lock, the packed head entry for index 0, and
 * xas_split() with its own node list (xa_split() allocates and splits at once).
 */
#include "model/mm/internal.h"

#define XA_SIBLING_MAX	(XA_CHUNK_SIZE << 2 | XA_INTERNAL)
#define XA_ZERO_ENTRY	((void *)(XA_SIBLING_MAX + 4))	/* reserved slot, reads as NULL */

void xa_pool_init(struct pool *pool)
{
	pool_init(pool, "xarray node", sizeof(struct xa_node));
}

static bool xa_is_node(const void *entry)
{
	return xa_is_internal(entry) && entry > XA_ZERO_ENTRY;
}

static bool xa_is_sibling(const void *entry)
{
	return xa_is_internal(entry) && (uintptr_t)entry < XA_SIBLING_MAX;
}

static void *xa_mk_sibling(u32 offset)
{
	return (void *)(uintptr_t)((uintptr_t)offset << 2 | XA_INTERNAL);
}

static void *xa_mk_node(struct xa_node *node)
{
	return (void *)((uintptr_t)node | XA_INTERNAL);
}

static struct xa_node *xa_to_node(const void *entry)
{
	return (struct xa_node *)((uintptr_t)entry & ~3ul);
}

static u32 get_offset(u64 index, const struct xa_node *node)
{
	return index >> node->shift & (XA_CHUNK_SIZE - 1);
}

/* The largest index below this head. */
static u64 max_index(const void *head)
{
	u32 bits;

	if (!xa_is_node(head))
		return 0;
	bits = xa_to_node(head)->shift + XA_CHUNK_SHIFT;
	return bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
}

static void forget_hint(struct xarray *xa)
{
	xa->hint = NULL;
	xa->wide = NULL;
}

void xa_init(struct xarray *xa)
{
	*xa = (struct xarray){ 0 };
}

static void destroy_node(struct mm *mm, struct xa_node *node)
{
	u32 i;

	for (i = 0; i < XA_CHUNK_SIZE; i++)
		if (xa_is_node(node->slots[i]))
			destroy_node(mm, xa_to_node(node->slots[i]));
	pool_free(&mm->xa_nodes, node);
}

void xa_destroy(struct xarray *xa)
{
	if (xa_is_node(xa->xa_head))
		destroy_node(mm_of(xa), xa_to_node(xa->xa_head));
	xa_init(xa);
}

/* -- reading ------------------------------------------------------------------ */

/*
 * Down to the slot that answers for @index: its node (NULL: the head itself is
 * the entry or the index is out of range) and offset, siblings resolved.
 */
static void *walk(struct xarray *xa, u64 index, struct xa_node **nodep, u32 *offset)
{
	void *entry = xa->xa_head;
	struct xa_node *node = NULL;

	*nodep = NULL;
	*offset = 0;
	if (index > max_index(entry))
		return NULL;
	while (xa_is_node(entry)) {
		node = xa_to_node(entry);
		*offset = get_offset(index, node);
		entry = node->slots[*offset];
		if (xa_is_sibling(entry)) {
			*offset = (uintptr_t)entry >> 2;
			entry = node->slots[*offset];
		}
	}
	*nodep = node;
	return entry;
}

static bool hint_covers(const struct xarray *xa, u64 index)
{
	return xa->hint && index >> XA_CHUNK_SHIFT == xa->hint_base;
}

/* An explorer compares bytes: who looked last must not make a new state of an old one. */
static void remember(struct xarray *xa, struct xa_node *node, u64 index)
{
	if (!node || node->shift || unlikely(env_of(xa)->sched.stepped))
		return;
	xa->hint = node;
	xa->hint_base = index >> XA_CHUNK_SHIFT;
}

static void *visible(void *entry)
{
	return entry == XA_ZERO_ENTRY ? NULL : entry;
}

static u32 siblings_after(const struct xa_node *node, u32 offset)
{
	void *mark = xa_mk_sibling(offset);
	u32 n = 0;

	while (offset + n + 1 < XA_CHUNK_SIZE && node->slots[offset + n + 1] == mark)
		n++;
	return n;
}

void *xa_load_range(struct xarray *xa, u64 index, u64 *first, u64 *last)
{
	struct xa_node *node;
	u32 offset;
	void *entry = visible(walk(xa, index, &node, &offset));
	u64 span;

	*first = index;
	*last = index;
	if (!entry || !node)
		return entry;
	span = (siblings_after(node, offset) + 1ULL) << node->shift;
	*first = ALIGN_DOWN(index, span);
	*last = *first + span - 1;
	return entry;
}

/* What answered is remembered: the node of single indexes, or an entry as wide as one. */
void *xa_load_slow(struct xarray *xa, u64 index)
{
	struct xa_node *node;
	void *entry;
	u32 offset;

	entry = walk(xa, index, &node, &offset);
	if (node && !node->shift) {
		xa->hint = node;
		xa->hint_base = index >> XA_CHUNK_SHIFT;
	} else if (node && visible(entry) && likely(!env_of(xa)->sched.stepped)) {
		/* Who looked last must not make a new state of an old one. */
		xa->wide = xa_load_range(xa, index, &xa->wide_first, &xa->wide_last);
	}
	return visible(entry);
}

/* First entry at or after @index in @node; *index moves there. */
static void *find_in(struct xa_node *node, u64 *index, u64 max)
{
	u32 offset = get_offset(*index, node);

	for (; offset < XA_CHUNK_SIZE; offset++) {
		/* Shifted twice: the top node spans more than 64 bits can count. */
		u64 base = *index & ~((1ULL << node->shift << XA_CHUNK_SHIFT) - 1);
		u64 start = base + ((u64)offset << node->shift);
		void *entry = node->slots[offset];

		if (start > *index)
			*index = start;
		if (*index > max)
			return NULL;
		if (xa_is_node(entry))
			entry = find_in(xa_to_node(entry), index, max);
		else if (xa_is_sibling(entry))
			entry = node->slots[(uintptr_t)entry >> 2];
		entry = visible(entry);
		if (entry)
			return entry;
		if (*index > max)
			return NULL;
	}
	return NULL;
}

/* In the rest of the node used last; NULL says nothing, *index is where to go on. */
static void *find_in_hint(struct xarray *xa, u64 *index, u64 max)
{
	u32 offset = *index & (XA_CHUNK_SIZE - 1);

	for (; offset < XA_CHUNK_SIZE && *index < max; offset++, ++*index) {
		void *entry = xa->hint->slots[offset];

		if (entry)
			return xa_is_internal(entry) ? NULL : entry;
	}
	return NULL;
}

void *xa_find(struct xarray *xa, u64 *index, u64 max)
{
	void *head = xa->xa_head, *entry;
	struct xa_node *node;
	u32 offset;

	if (*index < max && !hint_covers(xa, *index)) {
		walk(xa, *index, &node, &offset);
		remember(xa, node, *index);
	}
	if (*index < max && hint_covers(xa, *index)) {
		entry = find_in_hint(xa, index, max);
		if (entry)
			return entry;
	}
	if (*index > max || *index > max_index(head))
		return NULL;
	if (!xa_is_node(head))
		return visible(head);
	return find_in(xa_to_node(head), index, max);
}

void *xa_find_after(struct xarray *xa, u64 *index, u64 max)
{
	u64 first, last;

	xa_load_range(xa, *index, &first, &last);
	if (last >= max)
		return NULL;
	*index = last + 1;
	return xa_find(xa, index, max);
}

/* -- writing -------------------------------------------------------------------- */

static struct xa_node *node_alloc(struct xarray *xa, gfp_t gfp, u32 shift,
				  struct xa_node *parent, u32 offset)
{
	struct env *env = env_of(xa);
	struct xa_node *node;

	might_alloc(env, gfp, "xarray");
	/* Under xa_lock: the tree must not change between a look and the store. */
	if (!(gfp & __GFP_NOFAIL) && inject_alloc_atomic(env, "xarray"))
		return NULL;
	node = pool_alloc(&mm_of(xa)->xa_nodes);
	node->shift = shift;
	node->parent = parent;
	node->offset = offset;
	return node;
}

/* Nodes on top until @index is in range and an entry of this order has a node. */
static int expand_head(struct xarray *xa, u64 index, u32 order, gfp_t gfp)
{
	u64 last = index | ((1ULL << order) - 1);
	u32 least = order - order % XA_CHUNK_SHIFT;

	if (!xa->xa_head) {
		u32 shift = least;

		while (shift + XA_CHUNK_SHIFT < 64 && last >> (shift + XA_CHUNK_SHIFT))
			shift += XA_CHUNK_SHIFT;
		xa->xa_head = node_alloc(xa, gfp, shift, NULL, 0);
		if (!xa->xa_head)
			return -ENOMEM;
		xa->xa_head = xa_mk_node(xa->xa_head);
		return 0;
	}
	while (last > max_index(xa->xa_head) || xa_to_node(xa->xa_head)->shift < least) {
		struct xa_node *old = xa_to_node(xa->xa_head);
		struct xa_node *node = node_alloc(xa, gfp, old->shift + XA_CHUNK_SHIFT, NULL, 0);

		if (!node)
			return -ENOMEM;
		node->slots[0] = xa->xa_head;
		node->count = 1;
		old->parent = node;
		xa->xa_head = xa_mk_node(node);
	}
	return 0;
}

/* Empty nodes from here upwards go. */
static void delete_nodes(struct xarray *xa, struct xa_node *node)
{
	while (node && !node->count) {
		struct xa_node *parent = node->parent;

		if (parent) {
			parent->slots[node->offset] = NULL;
			parent->count--;
		} else {
			xa->xa_head = NULL;
		}
		forget_hint(xa);
		pool_free(&mm_of(xa)->xa_nodes, node);
		node = parent;
	}
}

/* Clear the entry at @offset with its siblings, or the subtree there. */
static void clear_slot(struct xarray *xa, struct xa_node *node, u32 offset)
{
	void *entry = node->slots[offset];
	u32 n;

	xa->wide = NULL;
	if (!entry)
		return;
	if (xa_is_node(entry)) {
		forget_hint(xa);
		destroy_node(mm_of(xa), xa_to_node(entry));
		node->slots[offset] = NULL;
		node->count--;
		return;
	}
	if (xa_is_sibling(entry))
		offset = (uintptr_t)entry >> 2;
	for (n = siblings_after(node, offset) + 1; n--; ) {
		node->slots[offset + n] = NULL;
		node->count--;
	}
}

static void fill_slots(struct xarray *xa, struct xa_node *node, u32 offset, u32 nr, void *entry)
{
	u32 i;

	for (i = 0; i < nr; i++)
		clear_slot(xa, node, offset + i);
	for (i = 0; i < nr; i++)
		node->slots[offset + i] = i ? xa_mk_sibling(offset) : entry;
	node->count += nr;
}

/* The node in which an entry of this order at @index has its slots; NULL -ENOMEM. */
static struct xa_node *create(struct xarray *xa, u64 index, u32 order, gfp_t gfp)
{
	u32 shift = order - order % XA_CHUNK_SHIFT;
	struct xa_node *node;

	if (expand_head(xa, index, order, gfp))
		return NULL;
	node = xa_to_node(xa->xa_head);
	while (node->shift > shift) {
		u32 offset = get_offset(index, node);
		void *entry = node->slots[offset];
		struct xa_node *child;

		if (xa_is_node(entry)) {
			node = xa_to_node(entry);
			continue;
		}
		child = node_alloc(xa, gfp, node->shift - XA_CHUNK_SHIFT, node, offset);
		if (!child) {
			delete_nodes(xa, node);
			return NULL;
		}
		clear_slot(xa, node, offset);
		node->slots[offset] = xa_mk_node(child);
		node->count++;
		node = child;
	}
	return node;
}

void *xa_store_order(struct xarray *xa, u64 index, u32 order, void *entry, gfp_t gfp)
{
	struct xa_node *node;
	void *old;
	u32 offset, nr = 1u << order % XA_CHUNK_SHIFT;

	if (!entry)
		return xa_erase(xa, index);
	if (!order && xa->hint && index >> XA_CHUNK_SHIFT == xa->hint_base) {
		node = xa->hint;
	} else {
		node = create(xa, index, order, gfp);
		if (!node)
			return ERR_PTR(-ENOMEM);
		if (!node->shift) {
			xa->hint = node;
			xa->hint_base = index >> XA_CHUNK_SHIFT;
		}
	}
	offset = get_offset(index, node);
	old = node->slots[offset];
	if (likely(nr == 1 && !old)) {
		node->slots[offset] = entry;
		node->count++;
		return NULL;
	}
	if (xa_is_sibling(old))
		old = node->slots[(uintptr_t)old >> 2];
	fill_slots(xa, node, offset, nr, entry);
	return xa_is_node(old) ? NULL : visible(old);
}

void *xa_store(struct xarray *xa, u64 index, void *entry, gfp_t gfp)
{
	return xa_store_order(xa, index, 0, entry, gfp);
}

int xa_insert_order(struct xarray *xa, u64 index, u32 order, void *entry, gfp_t gfp)
{
	u64 at = index;

	if (!order && xa->hint && index >> XA_CHUNK_SHIFT == xa->hint_base) {
		if (xa->hint->slots[index & (XA_CHUNK_SIZE - 1)])
			return xa_load(xa, index) ? -EEXIST :
			       PTR_ERR(xa_store(xa, index, entry, gfp));
		xa->hint->slots[index & (XA_CHUNK_SIZE - 1)] = entry;
		xa->hint->count++;
		return 0;
	}
	if (xa_find(xa, &at, index | ((1ULL << order) - 1)))
		return -EEXIST;
	return IS_ERR(xa_store_order(xa, index, order, entry, gfp)) ? -ENOMEM : 0;
}

int xa_reserve(struct xarray *xa, u64 index, gfp_t gfp)
{
	struct xa_node *node;
	u32 offset;

	if (walk(xa, index, &node, &offset))
		return 0;
	return IS_ERR(xa_store(xa, index, XA_ZERO_ENTRY, gfp)) ? -ENOMEM : 0;
}

void *xa_erase(struct xarray *xa, u64 index)
{
	struct xa_node *node = xa->hint;
	u32 offset = index & (XA_CHUNK_SIZE - 1);
	void *entry;

	if (hint_covers(xa, index) && node->count > 1 && !xa_is_internal(node->slots[offset]) &&
	    (offset == XA_CHUNK_SIZE - 1 || !xa_is_internal(node->slots[offset + 1]))) {
		/* One slot of a node that others keep. */
		entry = node->slots[offset];
		node->slots[offset] = NULL;
		node->count -= !!entry;
		return entry;
	}
	entry = walk(xa, index, &node, &offset);

	if (!entry)
		return NULL;
	clear_slot(xa, node, offset);
	if (node->count)
		remember(xa, node, index);
	else
		delete_nodes(xa, node);
	return visible(entry);
}

static void erase_range(struct xarray *xa, u64 first, u64 last)
{
	void *entry;

	for (entry = xa_find(xa, &first, last); entry; entry = xa_find(xa, &first, last))
		xa_erase(xa, first);
}

int xa_store_range(struct xarray *xa, u64 first, u64 last, void *entry, gfp_t gfp)
{
	if (!entry) {
		erase_range(xa, first, last);
		return 0;
	}
	for (;;) {
		u32 order = first ? __builtin_ctzll(first) : 63;

		while (order && (1ULL << order) - 1 > last - first)
			order--;
		if (IS_ERR(xa_store_order(xa, first, order, entry, gfp)))
			return -ENOMEM;
		first += 1ULL << order;
		if (!first || first > last)
			return 0;
	}
}

/* -- splitting -------------------------------------------------------------------- */

/* Replace one slot's entry by a node full of entries of @new_order. */
static int split_slot(struct xarray *xa, struct xa_node *node, u32 offset,
		      void *entry, u32 new_order, gfp_t gfp)
{
	struct xa_node *child = node_alloc(xa, gfp, node->shift - XA_CHUNK_SHIFT, node, offset);
	u32 step = 1u << new_order % XA_CHUNK_SHIFT, i;

	if (!child)
		return -ENOMEM;
	for (i = 0; i < XA_CHUNK_SIZE; i++)
		child->slots[i] = i % step ? xa_mk_sibling(i - i % step) : entry;
	child->count = XA_CHUNK_SIZE;
	node->slots[offset] = xa_mk_node(child);
	return 0;
}

int xa_split(struct xarray *xa, u64 index, u32 old_order, u32 new_order, gfp_t gfp)
{
	u32 new_shift = new_order - new_order % XA_CHUNK_SHIFT;
	u32 nr = 1u << old_order % XA_CHUNK_SHIFT, offset, i, step;
	struct xa_node *node;
	void *entry;

	/* More than one level of new nodes is what the kernel refuses. */
	if (WARN_ON_ONCE(env_of(xa), new_shift + 2 * XA_CHUNK_SHIFT <= old_order))
		return -ENOMEM;
	entry = walk(xa, ALIGN_DOWN(index, 1ULL << old_order), &node, &offset);
	if (!entry || !node)
		return -EINVAL;
	forget_hint(xa);
	if (node->shift == new_shift) {
		step = 1u << new_order % XA_CHUNK_SHIFT;
		for (i = 0; i < nr; i++)
			node->slots[offset + i] = i % step ?
				xa_mk_sibling(offset + i - i % step) : entry;
		return 0;
	}
	for (i = 0; i < nr; i++)
		node->slots[offset + i] = entry;
	for (i = 0; i < nr; i++) {
		if (!split_slot(xa, node, offset + i, entry, new_order, gfp))
			continue;
		while (i--) {
			destroy_node(mm_of(xa), xa_to_node(node->slots[offset + i]));
			node->slots[offset + i] = entry;
		}
		for (i = 1; i < nr; i++)
			node->slots[offset + i] = xa_mk_sibling(offset);
		return -ENOMEM;
	}
	return 0;
}
