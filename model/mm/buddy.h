/* SPDX-License-Identifier: GPL-2.0-only */
/* The free lists, for page_alloc.c and page_range.c only. */
#ifndef SEPTUM_MM_BUDDY_H
#define SEPTUM_MM_BUDDY_H

#include "model/mm/internal.h"

void add_to_free_list(struct zone *zone, struct page *page, u32 order, bool tail);
void del_page_from_free_list(struct zone *zone, struct page *page, u32 order);
/* False for NULL. */
bool page_is_buddy(const struct page *page, u32 order);
/* The extent of RAM nobody has touched that holds @pfn, NULL when there is none. */
struct extent *untouched_extent(struct zone *zone, kvm_pfn_t pfn);
/* Cut [start, end), whole blocks, out of the extent it lies in. */
void extent_carve(struct mm *mm, struct extent *extent, kvm_pfn_t start, kvm_pfn_t end);
/* Give the untouched block that holds @pfn its place on the free list. */
void touch_block(struct mm *mm, struct extent *extent, kvm_pfn_t pfn);
void prep_new_page(struct mm *mm, struct page *page, u32 order, gfp_t gfp);
bool should_fail_alloc_page(struct env *env, gfp_t gfp, const char *site);

#endif /* SEPTUM_MM_BUDDY_H */
