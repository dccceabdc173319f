// SPDX-License-Identifier: GPL-2.0-only
/*
 * Truncation: mm/truncate.c of Linux 7.3.4. It cannot fail and extra references
 * do not stop it: a folio somebody still holds leaves the page cache and lives
 * on until the last put. Left out: shadow entries, buffers, writeback.
 */
#include "model/mm/internal.h"
#include "model/mm/huge_memory.h"

static void truncate_cleanup_folio(struct folio *folio)
{
	if (folio_mapped(folio))
		unmap_mapping_folio(folio);
	folio_clear_dirty(folio);
}

int truncate_inode_folio(struct address_space *mapping, struct folio *folio)
{
	if (folio->mapping != mapping)
		return -EIO;
	truncate_cleanup_folio(folio);
	filemap_remove_folio(folio);
	if (defect_on(env_of(folio), DEFECT_DOUBLE_PUT))
		folio_put_as(folio, HOLDER_FILEMAP);
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
	struct address_space *mapping = folio->mapping;
	u64 pos = folio->index << PAGE_SHIFT, size = folio_nr_pages(folio) << PAGE_SHIFT;
	u64 last = pos + size - 1;

	if (start <= pos && end >= last) {
		truncate_inode_folio(mapping, folio);
		return true;
	}
	if (!mapping_inaccessible(mapping))
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
			if (from == start)
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

void truncate_inode_pages_range(struct address_space *mapping, u64 lstart, u64 lend)
{
	pgoff_t start = ALIGN_UP(lstart, PAGE_SIZE) >> PAGE_SHIFT;
	pgoff_t end = lend == ~0ULL ? ~0ULL : (lend + 1) >> PAGE_SHIFT;
	bool same_folio = lstart >> PAGE_SHIFT == lend >> PAGE_SHIFT;
	struct folio *folio;

	if (xa_empty(&mapping->i_pages))
		return;
	truncate_fast_pass(mapping, start, end);

	folio = __filemap_get_folio(mapping, lstart >> PAGE_SHIFT, FGP_LOCK, 0);
	if (!IS_ERR(folio)) {
		same_folio = lend < folio_next_index(folio) << PAGE_SHIFT;
		if (!truncate_inode_partial_folio(folio, lstart, lend)) {
			start = folio_next_index(folio);
			if (same_folio)
				end = folio->index;
		}
		folio_unlock(folio);
		folio_put(folio);
	}
	if (!same_folio && lend != ~0ULL) {
		folio = __filemap_get_folio(mapping, lend >> PAGE_SHIFT, FGP_LOCK, 0);
		if (!IS_ERR(folio)) {
			if (!truncate_inode_partial_folio(folio, lstart, lend))
				end = folio->index;
			folio_unlock(folio);
			folio_put(folio);
		}
	}
	truncate_slow_pass(mapping, start, end);
}

void truncate_inode_pages_final(struct address_space *mapping)
{
	mapping->flags |= BIT_ULL(AS_EXITING);
	truncate_inode_pages_range(mapping, 0, ~0ULL);
}
