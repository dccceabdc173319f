// SPDX-License-Identifier: GPL-2.0-only
/*
 * PAMT: one entry a 4K page, 2M range and 1G range of every TDMR, kept only
 * where touched. Follows the PAMT chapter of the TDX module 1.5.01 and, for
 * dynamic PAMT, the public 2.0 tree. An entry's type changes in pamt_set() and
 * nowhere else.
 *
 * The S-EPT leaf count of an entry is the model's own: it tells whether some
 * translation still names a page whatever its type claims.
 */
#include "model/tdx/leaf.h"

/*
 * 1.5 stops at a page of a TD and else goes down to the 4K entry; 2.0 stops at
 * anything in use, and with dynamic PAMT at a 2M range without a page pair.
 */
void pamt_walk_rules(struct tdx_module *m)
{
	u32 in_use = ~(1u << PT_NDA);

	if (m->config.version < TDX_MODULE_2_0)
		in_use = 1u << PT_REG;
	m->pamt_stop[2] = in_use;
	m->pamt_stop[1] = pamt_dynamic(m) ? ~(1u << PT_PAMT) : in_use;
}

static const struct tdmr *tdmr_of(const struct tdx_module *m, hpa_t hpa)
{
	for (u32 i = 0; i < m->tdmr_count; i++)
		if (hpa - m->tdmr[i].base < m->tdmr[i].size)
			return &m->tdmr[i];
	return NULL;
}

/* 4K pages of [hpa, hpa + size) that lie in reserved areas. */
static u64 reserved_pages(const struct tdmr *tdmr, hpa_t hpa, u64 size)
{
	u64 start = hpa - tdmr->base, end = start + size, pages = 0;

	for (u32 i = 0; i < tdmr->reserved_count; i++) {
		u64 from = tdmr->reserved[i].offset, to = from + tdmr->reserved[i].size;

		from = from > start ? from : start;
		to = to < end ? to : end;
		if (from < to)
			pages += (to - from) >> PAGE_SHIFT;
	}
	return pages;
}

/* First touch of 64 entries: reserved areas become visible in them. */
static struct pamt_entry *first_touch_4k(struct tdx_module *m, const struct tdmr *tdmr, u64 pfn)
{
	u64 first = ALIGN_DOWN(pfn, SPARSE_LEAF_SIZE);
	struct pamt_entry *leaf = sparse_get(&m->pamt_4k, first);

	if (!reserved_pages(tdmr, pfn_to_hpa(first), SPARSE_LEAF_SIZE * PAGE_SIZE))
		return leaf;
	for (u32 i = 0; i < SPARSE_LEAF_SIZE; i++)
		if (reserved_pages(tdmr, pfn_to_hpa(first + i), PAGE_SIZE))
			leaf[i].type = PT_RSVD;
	return leaf;
}

static void first_touch_2m(struct tdx_module *m, const struct tdmr *tdmr, u64 range)
{
	u64 first = ALIGN_DOWN(range, SPARSE_LEAF_SIZE);
	struct pamt_entry *leaf = sparse_get(&m->pamt_2m, first);

	for (u32 i = 0; i < SPARSE_LEAF_SIZE; i++)
		leaf[i].reserved = reserved_pages(tdmr, (first + i) * SZ_2M, SZ_2M);
}

bool pamt_cache_fill(struct tdx_module *m, hpa_t hpa, struct pamt_cache *slot)
{
	kvm_pfn_t pfn = hpa_to_pfn(hpa);
	const struct tdmr *tdmr;

	slot->key = 0;
	if (pfn >= m->hw->frame_count)
		return false;
	slot->one_g = sparse_find(&m->pamt_1g, hpa / SZ_1G);
	if (!slot->one_g || !(slot->one_g->flags & PAMT_INITIALIZED))
		return false;
	tdmr = tdmr_of(m, hpa);
	if (!sparse_find(&m->pamt_2m, hpa / SZ_2M))
		first_touch_2m(m, tdmr, hpa / SZ_2M);
	slot->two_m = sparse_get(&m->pamt_2m, hpa / SZ_2M);
	slot->leaf = sparse_find(&m->pamt_4k, ALIGN_DOWN(pfn, SPARSE_LEAF_SIZE));
	if (!slot->leaf)
		slot->leaf = first_touch_4k(m, tdmr, pfn);
	slot->key = (pfn >> SPARSE_LEAF_SHIFT) + 1;
	return true;
}

struct pamt_entry *pamt_leaf(struct tdx_module *m, const struct pamt_block *block, u8 *level)
{
	*level = 0;
	if (block->level[2]->type == PT_REG)
		*level = 2;
	else if (block->level[1]->type == PT_REG ||
		 (pamt_dynamic(m) && block->level[1]->type != PT_PAMT))
		*level = 1;
	return block->level[*level];
}

void pamt_set(struct call *c, const struct pamt_block *block, u8 level, hpa_t hpa, u8 type,
	      hpa_t owner)
{
	struct pamt_entry *entry = block->level[level];
	struct env *env = c->m->env;
	u8 from = entry->type;

	entry->type = type;
	if (type != PT_NDA)
		entry->owner = owner;
	if (level == 0)
		block->level[1]->children += (type != PT_NDA) - (from != PT_NDA);
	if (unlikely(trace_on(env, TRACE_PAMT)) && from != type) {
		struct trace_event event = {
			.kind = TRACE_PAMT,
			.state = { .hpa = hpa, .what = level, .from = from, .to = type,
				   .leaf = c->leaf },
		};

		trace_emit(env, &event);
	}
}
