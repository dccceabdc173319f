// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for mm/page_alloc.c, mm/sparse.c and the contiguous allocator.
 *
 * Free pages of an order are a stack, so that the page freed last is handed out
 * first, as the per-CPU lists do: a frame given back too early gets its new
 * owner at once. What was never used comes from a rising mark. Blocks are
 * neither split nor merged; no zones, watermarks, reclaim or NUMA.
 *
 * The free path tells the process each frame, which asks the TDX module whether
 * an S-EPT still maps it.
 */
#include <linux/memblock.h>
#include <linux/page-flags.h>
#include <linux/swap.h>

#include "standin.h"

#define ORDERS		(MAX_PAGE_ORDER + 1)
#define FIRST_PFN	0x1000UL	/* below: firmware and the kernel itself */

static struct list_head free_list[ORDERS];
static unsigned long never_used;	/* first pfn nobody had yet */
static unsigned long ram_pfns;
static unsigned long *in_use;		/* bit per pfn: allocated after boot, no slab's */
static unsigned long *blank;		/* bit per pfn: its first owner has it, and has not cleared it */
static bool booted;

unsigned long page_offset_base = KERN_DIRECT_MAP;
unsigned long vmemmap_base = KERN_VMEMMAP;
unsigned long phys_base;
unsigned int pgdir_shift = 39, ptrs_per_p4d = 1;
struct page *__zero_page;
unsigned long zero_page_pfn;
struct mem_section **mem_section;
struct pglist_data contig_page_data;
nodemask_t node_states[NR_NODE_STATES];

/* Makes pfn_valid() true for all of RAM. */
static void sections_init(void)
{
	unsigned long i, nr = DIV_ROUND_UP(ram_pfns, PAGES_PER_SECTION);
	unsigned long usage_bytes = sizeof(struct mem_section_usage) + SECTION_BLOCKFLAGS_BITS / 8;
	unsigned long root_bytes = SECTIONS_PER_ROOT * sizeof(struct mem_section);
	void *usages = proc_map(0, nr * usage_bytes);
	void *roots = proc_map(0, DIV_ROUND_UP(nr, SECTIONS_PER_ROOT) * root_bytes);

	mem_section = proc_map(0, NR_SECTION_ROOTS * sizeof(*mem_section));
	for (i = 0; i < nr; i++) {
		struct mem_section_usage *usage = usages + i * usage_bytes;
		unsigned long root = SECTION_NR_TO_ROOT(i);
		struct mem_section *section;

		mem_section[root] = roots + root * root_bytes;
		section = &mem_section[root][i & SECTION_ROOT_MASK];
		bitmap_fill(usage->subsection_map, SUBSECTIONS_PER_SECTION);
		section->usage = usage;
		section->section_mem_map = (unsigned long)vmemmap | SECTION_MARKED_PRESENT |
			SECTION_HAS_MEM_MAP | SECTION_IS_ONLINE | SECTION_IS_EARLY;
	}
}

static struct page *take(unsigned int order)
{
	struct page *page;

	if (!list_empty(&free_list[order])) {
		page = list_first_entry(&free_list[order], struct page, lru);
		list_del(&page->lru);
		return page;
	}
	if (ALIGN(never_used, 1UL << order) + (1UL << order) > ram_pfns)
		return NULL;
	never_used = ALIGN(never_used, 1UL << order);
	page = pfn_to_page(never_used);
	bitmap_set(blank, never_used, 1U << order);
	never_used += 1UL << order;
	return page;
}

/*
 * Memory nobody had yet is zero, and the process pays dearly for touching it. So
 * the first clearing costs nothing: kernel code that allocates a page either asks
 * for zeros or clears it before it writes anything else.
 */
bool page_take_blank(unsigned long pfn)
{
	return test_and_clear_bit(pfn, blank);
}

static void make_compound(struct page *page, unsigned int order)
{
	struct folio *folio = (struct folio *)page;
	unsigned long i;

	__SetPageHead(page);
	folio->_flags_1 = (folio->_flags_1 & ~0xffUL) | order;
#ifdef NR_PAGES_IN_LARGE_FOLIO
	folio->_nr_pages = 1U << order;
#endif
	atomic_set(&folio->_large_mapcount, -1);
	atomic_set(&folio->_entire_mapcount, -1);
	atomic_set(&folio->_pincount, 0);
	for (i = 1; i < 1UL << order; i++)
		set_compound_head(page + i, page, order);
}

static void prepare(struct page *page, unsigned int order, gfp_t gfp)
{
	unsigned long i;

	memset(page, 0, sizeof(*page) << order);
	for (i = 0; i < 1UL << order; i++) {
		page[i].page_type = UINT_MAX;
		atomic_set(&page[i]._mapcount, -1);
	}
	set_page_count(page, 1);
	if (booted)
		bitmap_set(in_use, page_to_pfn(page), 1U << order);
	if ((gfp & __GFP_COMP) && order)
		make_compound(page, order);
	proc_page_allocated(page_to_pfn(page), order);
	if (gfp & __GFP_ZERO)
		for (i = 0; i < 1UL << order; i++)
			clear_page(page_address(page + i));
}

static struct page *alloc_block(gfp_t gfp, unsigned int order, const char *site)
{
	struct page *page;

	if (order >= ORDERS)
		return NULL;
	if (!(gfp & __GFP_NOFAIL) && proc_alloc_fails(site))
		return NULL;
	page = take(order);
	if (page)
		prepare(page, order, gfp);
	return page;
}

static void free_block(struct page *page, unsigned int order)
{
	proc_page_freed(page_to_pfn(page), order);
	bitmap_clear(in_use, page_to_pfn(page), 1U << order);
	bitmap_clear(blank, page_to_pfn(page), 1U << order);
	memset(page, 0, sizeof(*page) << order);
	page->page_type = (unsigned int)PGTY_buddy << 24;
	page->private = order;
	list_add(&page->lru, &free_list[order]);
}

void page_alloc_init(unsigned long ram_bytes)
{
	unsigned int order;

	ram_pfns = PHYS_PFN(ram_bytes);
	never_used = FIRST_PFN;
	proc_map(page_offset_base, ram_bytes);
	proc_map(vmemmap_base, ram_pfns * sizeof(struct page));
	for (order = 0; order < ORDERS; order++)
		INIT_LIST_HEAD(&free_list[order]);
	in_use = proc_map(0, BITS_TO_LONGS(ram_pfns) * sizeof(long));
	blank = proc_map(0, BITS_TO_LONGS(ram_pfns) * sizeof(long));
	sections_init();
	node_set_state(0, N_MEMORY);
	node_set_state(0, N_ONLINE);
	__zero_page = take(0);
	prepare(__zero_page, 0, __GFP_ZERO);
	zero_page_pfn = page_to_pfn(__zero_page);
}

void page_alloc_booted(void)
{
	booted = true;
}

void page_is_slab(struct page *page)
{
	clear_bit(page_to_pfn(page), in_use);
}

void kern_for_each_page_in_use(void (*fn)(void *context, unsigned long pfn), void *context)
{
	unsigned long pfn;

	for_each_set_bit(pfn, in_use, ram_pfns)
		fn(context, pfn);
}

/* The one range of RAM, for for_each_mem_pfn_range(). */
void __next_mem_pfn_range(int *idx, int nid, unsigned long *start, unsigned long *end, int *out_nid)
{
	if (++*idx > 0) {
		*idx = -1;
		return;
	}
	if (start)
		*start = PHYS_PFN(SZ_1M);
	if (end)
		*end = ram_pfns;
	if (out_nid)
		*out_nid = 0;
}

struct page *alloc_pages_node_noprof(int nid, gfp_t gfp, unsigned int order)
{
	return alloc_block(gfp, order, "page");
}

struct folio *__folio_alloc_noprof(gfp_t gfp, unsigned int order, int nid, nodemask_t *mask)
{
	return (struct folio *)alloc_block(gfp | __GFP_COMP, order, "folio");
}

unsigned long get_free_pages_noprof(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_block(gfp, order, "page");

	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_zeroed_page_noprof(gfp_t gfp)
{
	return get_free_pages_noprof(gfp | __GFP_ZERO, 0);
}

void __free_pages(struct page *head, unsigned int order)
{
	if (put_page_testzero(head))
		free_block(head, order);
}

void free_pages(unsigned long address, unsigned int order)
{
	if (address)
		__free_pages(virt_to_page((void *)address), order);
}

void __folio_put(struct folio *folio)
{
	if (folio_test_lru(folio))
		proc_fatal("a folio on an LRU list is freed: there are no LRU lists here");
	free_block(&folio->page, folio_order(folio));
}

void *alloc_pages_exact_noprof(size_t size, gfp_t gfp)
{
	return (void *)get_free_pages_noprof(gfp, get_order(size));
}

void free_pages_exact(void *address, size_t size)
{
	free_pages((unsigned long)address, get_order(size));
}

/* For PAMTs: taken once at boot, from the rising mark, with no order. */
struct page *alloc_contig_pages_noprof(unsigned long nr, gfp_t gfp, int nid, nodemask_t *mask)
{
	unsigned long first = ALIGN(never_used, PTRS_PER_PMD);

	if (first + nr > ram_pfns)
		return NULL;
	never_used = first + nr;
	return pfn_to_page(first);
}

/* When the module refuses to be initialised. What is not at the mark stays out of use. */
void free_contig_range(unsigned long pfn, unsigned long nr)
{
	if (pfn + nr == never_used)
		never_used = pfn;
}

/* refs NULL: one each. */
void folios_put_refs(struct folio_batch *batch, unsigned int *refs)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		folio_put_refs(batch->folios[i], refs ? refs[i] : 1);
	folio_batch_reinit(batch);
}

void __folio_batch_release(struct folio_batch *batch)
{
	folios_put_refs(batch, NULL);
}

unsigned long kern_page_alloc(unsigned int order)
{
	struct page *page = alloc_block(GFP_KERNEL | __GFP_COMP, order, "page");

	return page ? page_to_pfn(page) : ~0UL;
}

void kern_page_free(unsigned long pfn, unsigned int order)
{
	__free_pages(pfn_to_page(pfn), order);
}

int kern_page_is_free(unsigned long pfn)
{
	unsigned int order;

	if (pfn < FIRST_PFN || pfn >= ram_pfns)
		return 0;
	if (pfn >= never_used)
		return 1;
	for (order = 0; order < ORDERS; order++) {
		struct page *head = pfn_to_page(ALIGN_DOWN(pfn, 1UL << order));

		if (head->page_type == (unsigned int)PGTY_buddy << 24 && head->private >= order)
			return 1;
	}
	return 0;
}
