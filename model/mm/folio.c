// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a folio's life, and its way on to the LRU: mm/folio.c of Linux
 * 7.3.4 (mm/swap.c before). Being on the LRU is two flags here; there are no
 * lists, as nothing reclaims. Left out: activation, deactivation and mlock
 * batches, memcg, MGLRU.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"

/* Off the LRU, as the last put finds it. */
void page_cache_release(struct folio *folio)
{
	folio->flags &= ~(BIT_ULL(PG_lru) | BIT_ULL(PG_active) | BIT_ULL(PG_unevictable));
}

void __folio_put(struct folio *folio)
{
	if (unlikely(page_has_type(&folio->page, PGTY_hugetlb))) {
		free_huge_folio(folio);
		return;
	}
	if (folio_test_lru(folio))
		page_cache_release(folio);
	if (unlikely(mm_of(folio)->hugetlb) && hugetlb_split_piece_put(folio))
		return;
	free_frozen_pages((struct page *)folio, folio_order(folio));
}

static bool folio_evictable(const struct folio *folio)
{
	const struct address_space *mapping = folio->mapping;

	if (mapping == TAIL_MAPPING || (uintptr_t)mapping & 3)
		mapping = NULL;
	return !mapping_unevictable(mapping) && !folio_test_mlocked(folio);
}

static void lru_add(struct folio *folio)
{
	if (folio_evictable(folio)) {
		folio_clear_unevictable(folio);
	} else {
		folio_clear_active(folio);
		folio_set_unevictable(folio);
	}
	folio_set_lru(folio);
}

static void lru_add_drain_cpu(struct mm *mm, struct mm_cpu *cpu)
{
	struct folio_batch *batch = &cpu->lru_add;
	u32 i, nr = batch->nr;

	batch->nr = 0;
	for (i = 0; i < nr; i++) {
		struct folio *folio = batch->folios[i];

		/* Only the batch is left: it goes back without seeing the LRU. */
		if (folio->_refcount > 1)
			lru_add(folio);
		folio_put_as(folio, HOLDER_LRU_BATCH);
	}
}

void lru_add_drain_all(struct env *env)
{
	struct mm *mm = env->layer[LAYER_MM];
	u32 i;

	for (i = 0; i < HW_CPU_MAX; i++)
		if (mm->cpu[i])
			lru_add_drain_cpu(mm, mm->cpu[i]);
}

void folio_add_lru(struct folio *folio)
{
	struct mm *mm = mm_of(folio);
	struct folio_batch *batch;

	VM_BUG_ON_FOLIO(folio->flags & BIT_ULL(PG_lru), folio);
	if (!mm->config.lru_batches || folio_test_large(folio)) {
		/* A large folio's batch is flushed at once, the small ones with it. */
		if (mm->config.lru_batches)
			lru_add_drain_cpu(mm, this_cpu_mm(mm));
		lru_add(folio);
		return;
	}
	batch = &this_cpu_mm(mm)->lru_add;
	folio_get_as(folio, HOLDER_LRU_BATCH);
	batch->folios[batch->nr++] = folio;
	if (batch->nr == FOLIO_BATCH_SIZE)
		lru_add_drain_cpu(mm, this_cpu_mm(mm));
}

bool folio_in_lru_batch(const struct folio *folio)
{
	return page_ledger(&folio->page)->count[HOLDER_LRU_BATCH];
}

bool folio_isolate_lru(struct folio *folio)
{
	if (!folio_test_clear_lru(folio))
		return false;
	folio_get_as(folio, HOLDER_ISOLATE);
	return true;
}

void shake_folio(struct folio *folio)
{
	if (folio_test_hugetlb(folio) || folio_test_lru(folio))
		return;
	lru_add_drain_all(env_of(folio));
}
