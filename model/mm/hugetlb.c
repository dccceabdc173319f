// SPDX-License-Identifier: GPL-2.0-only
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"

void hugetlb_init(struct mm *mm)
{
}

u64 hugetlb_pool_pages(const struct mm *mm)
{
	return 0;
}

void free_huge_folio(struct folio *folio)
{
}

bool hugetlb_vmemmap_tail_readonly(const struct folio *head, kvm_pfn_t pfn)
{
	return false;
}

/* 64 struct pages of 64 bytes fill a frame. */
u64 vmemmap_frames(const struct mm *mm)
{
	return (mm->zone.end_pfn + 63) / 64;
}
