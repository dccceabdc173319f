/* SPDX-License-Identifier: GPL-2.0-only */
/* Splitting large page-cache folios: mm/huge_memory.c of Linux 7.3.4. */
#ifndef SEPTUM_MM_HUGE_MEMORY_H
#define SEPTUM_MM_HUGE_MEMORY_H

#include "model/mm/fs.h"

/*
 * Both want the folio locked with one reference of the caller's (HOLDER_LOOKUP)
 * on it; lock and reference end on one piece. Any reference that page cache,
 * mappings and the caller do not explain gives -EAGAIN, and nothing changed but
 * the host mappings. -EBUSY (truncated, writeback), -EINVAL, -ENOMEM.
 *
 * Uniform: all pieces of @new_order; lock and reference end on @page's piece.
 */
int split_huge_page_to_order(struct page *page, u32 new_order);
/*
 * Non-uniform: halves until the piece with @split_at has @new_order; lock and
 * reference stay on the first piece. -ENOMEM may leave it split part of the way.
 */
int folio_split(struct folio *folio, u32 new_order, struct page *split_at);
u32 min_order_for_split(const struct folio *folio);

/* Part of truncation: split a large folio at the edges of the bytes [start, end]. */
bool truncate_split_folio(struct folio *folio, u64 start, u64 end);

#endif /* SEPTUM_MM_HUGE_MEMORY_H */
