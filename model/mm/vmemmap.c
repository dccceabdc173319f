// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct pages by pfn, and compound pages. Follows mm/page_alloc.c
 * (prep_compound_page, free_tail_page_prepare) and include/linux/page-flags.h
 * (compound_info in mask mode) of Linux 7.3.4.
 *
 * The kernel's vmemmap is contiguous and complete. Here leaves of 16 struct
 * pages are made on first look, so what a leaf holds at birth must be derivable:
 * free RAM, or the tails of the compound page that covers it. Taking a leaf
 * away again (vmemmap_drop) is therefore allowed only for such contents.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"

#define FANOUT_SHIFT	6
#define FANOUT		(1u << FANOUT_SHIFT)

struct vmemmap_node {
	void *slot[FANOUT];
};

static u64 nr_leaves(const struct mm *mm)
{
	return (mm->zone.end_pfn + VMEMMAP_LEAF_PAGES - 1) >> VMEMMAP_LEAF_SHIFT;
}

void vmemmap_init(struct mm *mm)
{
	struct vmemmap *vmemmap = &mm->vmemmap;
	u64 leaves = nr_leaves(mm);

	pool_init(&vmemmap->leaves, "vmemmap leaf", sizeof(struct vmemmap_leaf));
	while (leaves > 1) {
		vmemmap->height++;
		leaves = (leaves + FANOUT - 1) >> FANOUT_SHIFT;
	}
}

/* The slot of this leaf, NULL when an interior node is missing and not to be made. */
static void **leaf_slot(struct mm *mm, u64 nr, bool create)
{
	struct vmemmap *vmemmap = &mm->vmemmap;
	void **link = &vmemmap->root;
	int level = vmemmap->height;

	while (level--) {
		if (!*link) {
			if (!create)
				return NULL;
			*link = arena_alloc(arena_of(mm), sizeof(struct vmemmap_node));
		}
		link = &((struct vmemmap_node *)*link)
				->slot[nr >> (level * FANOUT_SHIFT) & (FANOUT - 1)];
	}
	return link;
}

struct vmemmap_leaf *vmemmap_find(struct mm *mm, u64 nr)
{
	void **slot;

	if (nr >= nr_leaves(mm))
		return NULL;
	slot = leaf_slot(mm, nr, false);
	return slot ? *slot : NULL;
}

/* The head of the compound page, larger than a leaf, that covers @pfn. */
static struct folio *covering_folio(struct mm *mm, kvm_pfn_t pfn)
{
	u32 order;

	if (!mm->compound_leaves)
		return NULL;
	for (order = VMEMMAP_LEAF_SHIFT + 1; order <= HUGETLB_1G_ORDER; order++) {
		struct vmemmap_leaf *leaf =
			vmemmap_find(mm, ALIGN_DOWN(pfn, 1ULL << order) >> VMEMMAP_LEAF_SHIFT);
		struct folio *head = leaf ? (struct folio *)&leaf->page[0] : NULL;

		if (head && folio_test_large(head) && folio_order(head) == order)
			return head;
	}
	return NULL;
}

bool pfn_is_reserved(const struct mm *mm, kvm_pfn_t pfn)
{
	const struct extent *extent;

	for (extent = mm->zone.reserved; extent; extent = extent->next)
		if (pfn >= extent->start && pfn < extent->end)
			return true;
	return false;
}

static void leaf_init(struct mm *mm, struct vmemmap_leaf *leaf, kvm_pfn_t first)
{
	struct folio *cover = covering_folio(mm, first);
	bool reserved = pfn_is_reserved(mm, first);
	u32 i;

	for (i = 0; i < VMEMMAP_LEAF_PAGES; i++) {
		struct page *page = &leaf->page[i];

		page->pfn = first + i;
		page->_mapcount = -1;
		if (reserved && !vmemmap_boot_frame_released(mm, first + i)) {
			page->flags = BIT_ULL(PG_reserved);
			page->_refcount = 1;
			leaf->ledger[i].count[HOLDER_ALLOC] = 1;
		}
		if (cover) {
			page->mapping = TAIL_MAPPING;
			set_compound_head(page, folio_order(cover));
			if (hugetlb_vmemmap_tail_readonly(cover, first + i))
				page->flags |= BIT_ULL(PG_model_readonly);
		}
	}
}

struct page *pfn_to_page_slow(struct mm *mm, kvm_pfn_t pfn)
{
	struct vmemmap *vmemmap = &mm->vmemmap;
	u64 nr = pfn >> VMEMMAP_LEAF_SHIFT;
	struct vmemmap_leaf *leaf;
	void **slot;

	if (pfn >= mm->zone.end_pfn)
		return NULL;
	slot = leaf_slot(mm, nr, true);
	leaf = *slot;
	if (!leaf) {
		leaf = pool_alloc(&vmemmap->leaves);
		*slot = leaf;
		leaf_init(mm, leaf, nr << VMEMMAP_LEAF_SHIFT);
	}
	vmemmap->cache[nr % VMEMMAP_CACHE].key = nr + 1;
	vmemmap->cache[nr % VMEMMAP_CACHE].leaf = leaf;
	return &leaf->page[pfn & (VMEMMAP_LEAF_PAGES - 1)];
}

struct page *pfn_to_page(struct env *env, kvm_pfn_t pfn)
{
	return __pfn_to_page(env->layer[LAYER_MM], pfn);
}

struct page *folio_page_far(const struct folio *folio, u64 n)
{
	return __pfn_to_page(mm_of(folio), folio->pfn + n);
}

void vmemmap_drop(struct mm *mm, u64 nr)
{
	void **slot = leaf_slot(mm, nr, false);

	if (!slot || !*slot)
		return;
	pool_free(&mm->vmemmap.leaves, *slot);
	*slot = NULL;
	if (mm->vmemmap.cache[nr % VMEMMAP_CACHE].key == nr + 1)
		mm->vmemmap.cache[nr % VMEMMAP_CACHE].key = 0;
}

/* First leaf number >= @from below @link, which spans FANOUT^level leaves; ~0 none. */
static u64 next_under(void *link, int level, u64 from, struct vmemmap_leaf **leaf)
{
	u64 span, i;

	if (!link)
		return ~0ULL;
	if (!level) {
		*leaf = link;
		return 0;
	}
	span = 1ULL << ((level - 1) * FANOUT_SHIFT);
	for (i = from / span; i < FANOUT; i++) {
		u64 low = from > i * span ? from - i * span : 0;
		u64 found = next_under(((struct vmemmap_node *)link)->slot[i], level - 1, low, leaf);

		if (found != ~0ULL)
			return i * span + found;
	}
	return ~0ULL;
}

struct vmemmap_leaf *vmemmap_next(struct mm *mm, kvm_pfn_t *pfn, kvm_pfn_t end)
{
	u64 from = (*pfn + VMEMMAP_LEAF_PAGES - 1) >> VMEMMAP_LEAF_SHIFT;
	struct vmemmap_leaf *leaf = NULL;
	u64 nr;

	if (from >= nr_leaves(mm))
		return NULL;
	nr = next_under(mm->vmemmap.root, mm->vmemmap.height, from, &leaf);
	if (nr == ~0ULL || nr << VMEMMAP_LEAF_SHIFT >= end)
		return NULL;
	*pfn = nr << VMEMMAP_LEAF_SHIFT;
	return leaf;
}

/*
 * Mask mode: every tail of an order holds the same word, the mask that turns its
 * own vmemmap address into the head's. Shifted by 6 it does the same to a pfn.
 */
void set_compound_head(struct page *tail, u32 order)
{
	tail->compound_info = GENMASK_ULL(63, order + 6) | 1;
}

void clear_compound_head(struct page *tail)
{
	tail->compound_info = 0;
}

static kvm_pfn_t page_folio_pfn(const struct page *tail)
{
	u64 pages = (~tail->compound_info >> 6) + 1;

	return ALIGN_DOWN(tail->pfn, pages);
}

struct folio *page_folio_tail(const struct page *page)
{
	return (struct folio *)__pfn_to_page(mm_of(page), page_folio_pfn(page));
}

static void prep_compound_tail(struct page *tail, u32 order)
{
	tail->mapping = TAIL_MAPPING;
	set_compound_head(tail, order);
	VM_WARN_ON_ONCE(env_of(tail), tail->private);
}

static void prep_compound_head(struct folio *folio, u32 order)
{
	folio->_flags_1 = (folio->_flags_1 & ~0xffULL) | order;
	folio->_large_mapcount = -1;
	folio->_nr_pages_mapped = 0;
	folio->_entire_mapcount = -1;
	folio->_pincount = 0;
	if (order > 1)
		INIT_LIST_HEAD(&folio->_deferred_list);
}

void prep_compound_page(struct page *page, u32 order)
{
	struct mm *mm = mm_of(page);
	u64 nr = 1ULL << order, in_leaf = nr < VMEMMAP_LEAF_PAGES ? nr : VMEMMAP_LEAF_PAGES;
	kvm_pfn_t pfn = page->pfn + VMEMMAP_LEAF_PAGES;
	struct vmemmap_leaf *leaf;
	u64 i;

	page->flags |= BIT_ULL(PG_head);
	for (i = 1; i < in_leaf; i++)
		prep_compound_tail(page + i, order);
	prep_compound_head((struct folio *)page, order);
	if (nr <= VMEMMAP_LEAF_PAGES)
		return;
	mm->compound_leaves++;
	/* Leaves that do not exist yet will know by the head what they are. */
	for (; (leaf = vmemmap_next(mm, &pfn, page->pfn + nr)); pfn += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
			prep_compound_tail(&leaf->page[i], order);
}

/*
 * True when the tail is what a tail must be; it is a plain page afterwards. Its
 * mask may be that of a larger folio which this one was split from.
 */
static bool free_tail_page_prepare(struct mm *mm, struct folio *head, struct page *tail)
{
	bool ok = true;

	if (mm->config.check_pages) {
		u64 n = tail->pfn - head->pfn;

		/* Pages 1 to 3 carry fields of the folio in these words. */
		ok = PageTail(tail) && tail->_refcount == 0 && page_folio_pfn(tail) == head->pfn &&
		     (n <= 3 || (tail->mapping == TAIL_MAPPING && !tail->private));
		if (n == 1)
			ok = ok && head->_large_mapcount == -1 && head->_pincount == 0 &&
			     head->_entire_mapcount == -1;
	}
	tail->mapping = NULL;
	tail->index = 0;
	tail->private = 0;
	tail->_mapcount = -1;
	clear_compound_head(tail);
	tail->lru_prev = 0;
	return ok;
}

bool clear_compound_page(struct page *page, u32 order)
{
	struct mm *mm = mm_of(page);
	struct folio *folio = (struct folio *)page;
	u64 nr = 1ULL << order, in_leaf = nr < VMEMMAP_LEAF_PAGES ? nr : VMEMMAP_LEAF_PAGES;
	kvm_pfn_t pfn = page->pfn + VMEMMAP_LEAF_PAGES;
	struct vmemmap_leaf *leaf;
	bool ok = folio_order(folio) == order;
	u64 i;

	for (i = 1; i < in_leaf; i++)
		ok &= free_tail_page_prepare(mm, folio, page + i);
	folio->_flags_1 &= ~PAGE_FLAGS_SECOND;
	page->flags &= ~BIT_ULL(PG_head);
	if (nr <= VMEMMAP_LEAF_PAGES)
		return ok;
	mm->compound_leaves--;
	for (; (leaf = vmemmap_next(mm, &pfn, page->pfn + nr)); pfn += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++)
			ok &= free_tail_page_prepare(mm, folio, &leaf->page[i]);
	return ok;
}
