/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SEPTUM_MM_HUGETLB_H
#define SEPTUM_MM_HUGETLB_H

#include "model/mm/mm.h"

void hugetlb_init(struct mm *mm);
u64 hugetlb_pool_pages(const struct mm *mm);
void free_huge_folio(struct folio *folio);
bool hugetlb_vmemmap_tail_readonly(const struct folio *head, kvm_pfn_t pfn);
u64 vmemmap_frames(const struct mm *mm);

#endif /* SEPTUM_MM_HUGETLB_H */
