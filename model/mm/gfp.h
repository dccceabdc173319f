/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocation flags and the page allocator's entry points, include/linux/gfp.h
 * of 7.3.4 with an env in front (there is no global to find the host by).
 * Bit values are the model's own; only what changes behaviour here exists.
 */
#ifndef SEPTUM_MM_GFP_H
#define SEPTUM_MM_GFP_H

#include "sim/base/env.h"

typedef u32 gfp_t;

#define __GFP_DIRECT_RECLAIM	(1u << 0)	/* may sleep: other tasks may run */
#define __GFP_HIGH		(1u << 1)
#define __GFP_ZERO		(1u << 2)
#define __GFP_COMP		(1u << 3)
#define __GFP_NOFAIL		(1u << 4)	/* never made to fail by injection */
#define __GFP_RETRY_MAYFAIL	(1u << 5)
#define __GFP_NOWARN		(1u << 6)
#define __GFP_ACCOUNT		(1u << 7)
#define __GFP_HIGHMEM		(1u << 8)
#define __GFP_NORETRY		(1u << 9)

#define GFP_KERNEL		(__GFP_DIRECT_RECLAIM)
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_USER		(GFP_KERNEL)
#define GFP_HIGHUSER		(GFP_USER | __GFP_HIGHMEM)
#define GFP_ATOMIC		(__GFP_HIGH)
#define GFP_NOWAIT		(__GFP_NOWARN)

#define MAX_PAGE_ORDER		10
#define NR_PAGE_ORDERS		(MAX_PAGE_ORDER + 1)

struct page;
struct folio;

/*
 * 2^order pages, physically contiguous and naturally aligned; NULL when there
 * are none or the injector says so (@site is its word for this place). The
 * lowest address of the smallest block that is big enough. alloc_pages() gives
 * them with one reference on the head, held by HOLDER_ALLOC; the frozen form
 * with none. Without __GFP_COMP the tails are independent pages of refcount 0.
 */
struct page *__alloc_frozen_pages(struct env *env, gfp_t gfp, u32 order, const char *site);
struct page *__alloc_pages(struct env *env, gfp_t gfp, u32 order, const char *site);
/* A compound page of the page allocator as a folio; site "folio". */
struct folio *folio_alloc(struct env *env, gfp_t gfp, u32 order);
/*
 * @nr_pages (a power of two) naturally aligned pages above MAX_PAGE_ORDER as
 * one frozen compound page: alloc_contig_frozen_pages(). Only ranges that are
 * wholly free are found; nothing is migrated out of the way.
 */
struct page *alloc_contig_frozen_pages(struct env *env, u64 nr_pages, gfp_t gfp);

#define alloc_pages(env, gfp, order)	__alloc_pages(env, gfp, order, "page")
#define alloc_page(env, gfp)		__alloc_pages(env, gfp, 0, "page")
/* As alloc_page(), named for the injector and the trace. */
#define alloc_page_for(env, gfp, site)	__alloc_pages(env, gfp, 0, site)

/* Drop the reference alloc_pages() gave; frees when it was the last. */
void __free_pages(struct page *page, u32 order);
#define __free_page(page)		__free_pages(page, 0)
/* Refcount is 0 already. */
void free_frozen_pages(struct page *page, u32 order);

#endif /* SEPTUM_MM_GFP_H */
