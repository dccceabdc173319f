// SPDX-License-Identifier: GPL-2.0-only
/*
 * Truncation: mm/truncate.c of Linux 7.3.4. It cannot fail and extra references
 * do not stop it: a folio somebody still holds leaves the page cache and lives
 * on until the last put. Left out: shadow entries, buffers, writeback.
 */
#include "model/mm/internal.h"
#include "model/mm/huge_memory.h"

static void truncate_cleanup_folio(struct folio *victim)
{
	if (folio_mapped(victim))
		unmap_mapping_folio(victim);
	folio_clear_dirty(victim);
}

int truncate_inode_folio(struct address_space *mapping, struct folio *victim)
{
	if (victim->mapping != mapping)
		return -EIO;
	truncate_cleanup_folio(victim);
	filemap_remove_folio(victim);
	if (defect_on(env_of(victim), DEFECT_DOUBLE_PUT))
		folio_put_as(victim, HOLDER_FILEMAP);
	return 0;
}

/* Zero what of the folio lies in the bytes [start, end] of the file. */
static void zero_partial(struct folio *folio, u64 start, u64 end)
{
	u64 nr = folio_nr_pages(folio), i;

	for (i = 0; i < nr; i++) {
		u64 first = (folio->index + i) << PAGE_SHIFT;

		/* Contents are one token a page: a part of it counts as all of it. */
		if (first + PAGE_SIZE - 1 >= start && first <= end)
			clear_highpage(folio_page(folio, i));
	}
}

/*
 * A folio that crosses an edge of the range. True: it, or what of it was in the
 * range, is gone or zeroed; false: it must stay and the range shrinks.
 */
bool truncate_inode_partial_folio(struct folio *folio, u64 start, u64 end)
{
	struct address_space *cache = folio->mapping;
	u64 pos = folio->index << PAGE_SHIFT, size = folio_nr_pages(folio) << PAGE_SHIFT;
	u64 last = pos + size - 1;

	if (start <= pos && end >= last) {
		truncate_inode_folio(cache, folio);
		return true;
	}
	if (!mapping_inaccessible(cache))
		zero_partial(folio, start, end);
	if (!folio_test_large(folio))
		return true;
	return truncate_split_folio(folio, start, end);
}

/* Everything that can be had without waiting, 31 folios at a time. */
static void truncate_fast_pass(struct address_space *mapping, pgoff_t start, pgoff_t end)
{
	struct folio_batch batch;
	pgoff_t index = start;
	u32 i;

	while (index < end && find_lock_entries(mapping, &index, end - 1, &batch)) {
		for (i = 0; i < batch.nr; i++)
			truncate_cleanup_folio(batch.folios[i]);
		delete_from_page_cache_batch(mapping, &batch);
		for (i = 0; i < batch.nr; i++)
			folio_unlock(batch.folios[i]);
		for (i = 0; i < batch.nr; i++) {
			if (defect_on(env_of(mapping), DEFECT_DOUBLE_PUT))
				folio_put_as(batch.folios[i], HOLDER_FILEMAP);
			folio_put(batch.folios[i]);
		}
	}
}

/* What was locked by somebody or came back meanwhile; until a scan finds nothing. */
static void truncate_slow_pass(struct address_space *mapping, pgoff_t start, pgoff_t end)
{
	struct folio_batch batch;
	pgoff_t index = start;
	u32 i;

	while (index < end) {
		pgoff_t from = index;

		if (!find_get_entries(mapping, &index, end - 1, &batch)) {
			if (from == start || task_spin(env_of(mapping), "truncate_slow_pass",
						       "the page cache to become empty"))
				break;
			index = start;
			continue;
		}
		for (i = 0; i < batch.nr; i++) {
			folio_lock(batch.folios[i]);
			truncate_inode_folio(mapping, batch.folios[i]);
			folio_unlock(batch.folios[i]);
			folio_put(batch.folios[i]);
		}
	}
}

void truncate_inode_pages_range(struct address_space *cache, u64 lstart, u64 lend)
{
	pgoff_t start = ALIGN_UP(lstart, PAGE_SIZE) >> PAGE_SHIFT;
	pgoff_t end = lend == ~0ULL ? ~0ULL : (lend + 1) >> PAGE_SHIFT;
	bool same_folio = lstart >> PAGE_SHIFT == lend >> PAGE_SHIFT;
	struct folio *edge;

	if (xa_empty(&cache->i_pages))
		return;
	truncate_fast_pass(cache, start, end);

	edge = __filemap_get_folio(cache, lstart >> PAGE_SHIFT, FGP_LOCK, 0);
	if (!IS_ERR(edge)) {
		same_folio = lend < folio_next_index(edge) << PAGE_SHIFT;
		if (!truncate_inode_partial_folio(edge, lstart, lend)) {
			start = folio_next_index(edge);
			if (same_folio)
				end = edge->index;
		}
		folio_unlock(edge);
		folio_put(edge);
	}
	if (!same_folio && lend != ~0ULL) {
		edge = __filemap_get_folio(cache, lend >> PAGE_SHIFT, FGP_LOCK, 0);
		if (!IS_ERR(edge)) {
			if (!truncate_inode_partial_folio(edge, lstart, lend))
				end = edge->index;
			folio_unlock(edge);
			folio_put(edge);
		}
	}
	truncate_slow_pass(cache, start, end);
}

void truncate_inode_pages_final(struct address_space *cache)
{
	cache->flags |= BIT_ULL(AS_EXITING);
	truncate_inode_pages_range(cache, 0, ~0ULL);
}
