// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache: mm/filemap.c of Linux 7.3.4. Insert, look up, remove, with
 * the references and the order of steps of the kernel; entries of any order.
 *
 * Left out: memcg charge, shadow entries and workingset, dirty accounting,
 * readahead, mempolicies, statistics. i_lock and xa_lock protect nothing a
 * simulated task could be switched away from.
 */
#include "model/mm/internal.h"

struct folio *filemap_get_entry(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio;

repeat:
	folio = xa_load(&mapping->i_pages, index);
	if (!folio || xa_is_value(folio))
		return folio;
	if (!folio_try_get(folio)) {
		/* Frozen by a split or a merge: until it is over. */
		if (task_spin(env_of(mapping), "filemap_get_entry", "the folio to be unfrozen"))
			return NULL;
		goto repeat;
	}
	if (unlikely(folio != xa_load(&mapping->i_pages, index))) {
		folio_put(folio);
		goto repeat;
	}
	return folio;
}

int __filemap_add_folio(struct address_space *cache, struct folio *folio,
			pgoff_t index, gfp_t gfp)
{
	u32 order = folio_order(folio);
	s32 nr = folio_nr_pages(folio);
	int err;

	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);
	VM_BUG_ON_FOLIO(folio->flags & BIT_ULL(PG_swapbacked), folio);
	VM_BUG_ON_FOLIO(order < mapping_min_folio_order(cache), folio);
	VM_BUG_ON_FOLIO(index & (nr - 1), folio);

	folio_ref_add_as(folio, nr, HOLDER_FILEMAP);
	folio->mapping = cache;
	folio->index = index;
	err = xa_insert_order(&cache->i_pages, index, order, folio, gfp);
	if (unlikely(err)) {
		folio->mapping = NULL;
		folio_put_refs_as(folio, nr, HOLDER_FILEMAP);
		return err;
	}
	cache->nrpages += nr;
	return 0;
}

int filemap_add_folio(struct address_space *cache, struct folio *folio,
		      pgoff_t index, gfp_t gfp)
{
	int ret;

	/* Nobody else can see it: this never waits. */
	folio_lock(folio);
	ret = __filemap_add_folio(cache, folio, index, gfp);
	if (ret) {
		folio_unlock(folio);
		return ret;
	}
	folio_add_lru(folio);
	return 0;
}

static struct folio *filemap_create(struct address_space *cache, pgoff_t index,
				    fgf_t fgp, gfp_t gfp)
{
	struct env *env = env_of(cache);
	u32 min_order = mapping_min_folio_order(cache), order = FGP_GET_ORDER(fgp);
	u32 max_order = mapping_max_folio_order(cache);
	struct folio *folio;
	int err;

	if (WARN_ON_ONCE(env, !(fgp & (FGP_LOCK | FGP_FOR_MMAP))))
		fgp |= FGP_LOCK;
	index = ALIGN_DOWN(index, 1ULL << min_order);
	if (order < min_order)
		order = min_order;
	if (order > max_order)
		order = max_order;
	if (index & ((1ULL << order) - 1))
		order = __builtin_ctzll(index);
	for (;; order--) {
		err = -ENOMEM;
		folio = folio_alloc(env, gfp, order);
		if (folio) {
			/* From here on it is the caller's, as after a lookup. */
			ledger_move(folio, HOLDER_ALLOC, HOLDER_LOOKUP, 1);
			err = filemap_add_folio(cache, folio, index, gfp);
			if (!err)
				break;
			folio_put(folio);
		}
		if (order <= min_order)
			return ERR_PTR(err);
	}
	if (fgp & FGP_FOR_MMAP)
		folio_unlock(folio);
	return folio;
}

struct folio *__filemap_get_folio(struct address_space *cache, pgoff_t index,
				  fgf_t fgp, gfp_t gfp)
{
	struct folio *folio;

repeat:
	folio = filemap_get_entry(cache, index);
	if (xa_is_value(folio))
		folio = NULL;
	if (!folio) {
		if (!(fgp & FGP_CREAT))
			return ERR_PTR(-ENOENT);
		folio = filemap_create(cache, index, fgp, gfp);
		if (folio == ERR_PTR(-EEXIST))
			goto repeat;
		return folio;
	}
	if (fgp & FGP_LOCK) {
		folio_lock(folio);
		/* Truncated while we waited for the lock? */
		if (unlikely(folio->mapping != cache)) {
			folio_unlock(folio);
			folio_put(folio);
			if (task_spin(env_of(cache), "__filemap_get_folio",
				      "the truncated folio to leave the page cache"))
				return ERR_PTR(-ENOENT);
			goto repeat;
		}
	}
	return folio;
}

void __filemap_remove_folio(struct folio *folio)
{
	struct address_space *cache = folio->mapping;

	VM_BUG_ON_FOLIO(folio_mapcount(folio) > 0, folio);
	xa_erase(&cache->i_pages, folio->index);
	/* The index stays, as a trace of where it was. */
	folio->mapping = NULL;
	cache->nrpages -= folio_nr_pages(folio);
}

/* The hook runs out of the tree, locked, with the cache's references still there. */
static void filemap_free_folio(struct address_space *mapping, struct folio *folio)
{
	if (mapping->a_ops->free_folio)
		mapping->a_ops->free_folio(folio);
	folio_put_refs_as(folio, folio_nr_pages(folio), HOLDER_FILEMAP);
}

void filemap_remove_folio(struct folio *victim)
{
	struct address_space *cache = victim->mapping;

	VM_BUG_ON_FOLIO(!folio_test_locked(victim), victim);
	__filemap_remove_folio(victim);
	filemap_free_folio(cache, victim);
}

void delete_from_page_cache_batch(struct address_space *mapping, struct folio_batch *batch)
{
	u32 i;

	for (i = 0; i < batch->nr; i++)
		__filemap_remove_folio(batch->folios[i]);
	for (i = 0; i < batch->nr; i++)
		filemap_free_folio(mapping, batch->folios[i]);
}

/* The next folio that touches [*index, end]; *index moves behind it. */
static struct folio *next_entry(struct address_space *mapping, u64 *index, pgoff_t end)
{
	struct folio *folio;

	if (*index > end)
		return NULL;
	folio = xa_find(&mapping->i_pages, index, end);
	if (folio)
		*index = folio_next_index(folio);
	return folio;
}

/*
 * Up to a batch of folios of [*start, end], each with a reference of
 * HOLDER_LOOKUP; *start moves behind the last. How many.
 */
u32 find_get_entries(struct address_space *mapping, pgoff_t *start, pgoff_t end,
		     struct folio_batch *batch)
{
	u64 index = *start;
	struct folio *folio;

	batch->nr = 0;
	while ((folio = next_entry(mapping, &index, end))) {
		if (!folio_try_get(folio))
			continue;
		batch->folios[batch->nr++] = folio;
		*start = folio_next_index(folio);
		if (batch->nr == FOLIO_BATCH_SIZE)
			break;
	}
	return batch->nr;
}

/* As above, but trylocked, and only folios that lie wholly in the range. */
u32 find_lock_entries(struct address_space *mapping, pgoff_t *start, pgoff_t end,
		      struct folio_batch *batch)
{
	u64 index = *start, first = *start;
	struct folio *folio;

	batch->nr = 0;
	while ((folio = next_entry(mapping, &index, end))) {
		if (!folio_try_get(folio))
			continue;
		*start = folio_next_index(folio);
		if (folio->index < first || folio_next_index(folio) - 1 > end)
			goto put;
		if (!folio_trylock(folio))
			goto put;
		if (folio->mapping != mapping || folio_test_writeback(folio))
			goto unlock;
		batch->folios[batch->nr++] = folio;
		if (batch->nr == FOLIO_BATCH_SIZE)
			break;
		continue;
unlock:
		folio_unlock(folio);
put:
		folio_put(folio);
	}
	return batch->nr;
}
