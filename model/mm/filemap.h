/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page cache and truncation: include/linux/pagemap.h, mm/filemap.c,
 * mm/truncate.c and mm/folio.c (LRU batches) of 7.3.4.
 *
 * A folio in the cache has nr_pages references held by HOLDER_FILEMAP, all on
 * the head. Lookups return the folio with one more, held by HOLDER_LOOKUP
 * (also when it was just created), to be dropped with folio_put(). Not found
 * and failures are ERR_PTR(), never NULL, except where said.
 */
#ifndef SEPTUM_MM_FILEMAP_H
#define SEPTUM_MM_FILEMAP_H

#include "model/mm/fs.h"

#define FGP_LOCK	0x2
#define FGP_CREAT	0x4
#define FGP_WRITE	0x8
#define FGP_NOFS	0x10
#define FGP_FOR_MMAP	0x40
#define FGP_STABLE	0x80
#define FGP_DONTCACHE	0x100
/* Largest order wanted of a folio that has to be made. */
#define FGP_ORDER(order)	((u32)(order) << 26)
#define FGP_GET_ORDER(fgp)	((u32)(fgp) >> 26)
typedef u32 fgf_t;

#define FOLIO_BATCH_SIZE	31

struct folio_batch {
	u8 nr;
	struct folio *folios[FOLIO_BATCH_SIZE];
};

/* NULL when nothing is there. Takes a reference, no lock. */
struct folio *filemap_get_entry(struct address_space *mapping, pgoff_t index);
/* -ENOENT, -ENOMEM. Locked if FGP_LOCK or, but for FGP_FOR_MMAP, just created. */
struct folio *__filemap_get_folio(struct address_space *mapping, pgoff_t index,
				  fgf_t fgp, gfp_t gfp);

static inline struct folio *filemap_lock_folio(struct address_space *mapping, pgoff_t index)
{
	/* Nothing there, as before a first touch. */
	if (!xa_load(&mapping->i_pages, index))
		return ERR_PTR(-ENOENT);
	return __filemap_get_folio(mapping, index, FGP_LOCK, GFP_KERNEL);
}

static inline struct folio *filemap_get_folio(struct address_space *mapping, pgoff_t index)
{
	return __filemap_get_folio(mapping, index, 0, GFP_KERNEL);
}

/* @folio comes with the caller's reference; on success it is locked. 0, -EEXIST, -ENOMEM. */
int filemap_add_folio(struct address_space *cache, struct folio *folio,
		      pgoff_t index, gfp_t gfp);
/* The insertion alone, no LRU: @folio is locked. hugetlb uses it so. */
int __filemap_add_folio(struct address_space *cache, struct folio *folio,
			pgoff_t index, gfp_t gfp);
/* Locked folio; runs a_ops->free_folio, then puts the cache's references. */
void filemap_remove_folio(struct folio *victim);
/* As above without the hook and the put: the references become the caller's. */
void __filemap_remove_folio(struct folio *folio);

/* Byte range, @lend inclusive, -1 to the end. Cannot fail; extra references do not stop it. */
void truncate_inode_pages_range(struct address_space *mapping, u64 lstart, u64 lend);
void truncate_inode_pages_final(struct address_space *cache);
/* Locked folio: unmap, remove. -EIO when it is not in @mapping any more. */
int truncate_inode_folio(struct address_space *mapping, struct folio *folio);
/* Zap the host page-table entries of these file pages (i_mmap read lock). */
void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t nr, bool even_cows);
void unmap_mapping_folio(struct folio *victim);

static inline pgoff_t folio_next_index(const struct folio *piece)
{
	return piece->index + folio_nr_pages(piece);
}

/* -- LRU batches --------------------------------------------------------- */

/*
 * Queue for the LRU: an order-0 folio waits in the running CPU's batch with a
 * reference of its own (HOLDER_LRU_BATCH); a large one goes there at once.
 */
void folio_add_lru(struct folio *folio);
void lru_add_drain_all(struct env *env);
/* True when @folio waits in some CPU's batch (probe; ported code cannot know). */
bool folio_in_lru_batch(const struct folio *folio);
/* Take off the LRU with a reference of HOLDER_ISOLATE; false when not on it. */
bool folio_isolate_lru(struct folio *folio);

#endif /* SEPTUM_MM_FILEMAP_H */
