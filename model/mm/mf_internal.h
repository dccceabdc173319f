/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of memory failure share: memory_failure.c, mf_hugetlb.c, unpoison.c. */
#ifndef SEPTUM_MM_MF_INTERNAL_H
#define SEPTUM_MM_MF_INTERNAL_H

#include "model/mm/internal.h"

enum mf_action_page_type {
#define MF_MSG(name, text) MF_MSG_##name,
#include "model/mm/mf_msg.def"
#undef MF_MSG
	MF_MSG_NR
};

extern const char *const mf_msg[MF_MSG_NR];

/* Records and counts the outcome; what memory_failure() returns for it. */
int action_result(struct mm *mm, kvm_pfn_t pfn, enum mf_action_page_type type,
		  enum mf_result result);
int identify_page_state(struct folio *folio, struct page *page, u64 saved_flags);
bool hwpoison_user_mappings(struct folio *folio, struct page *page, u32 flags);
enum mf_result truncate_error_folio(struct folio *folio, kvm_pfn_t pfn,
				    struct address_space *cache);
/* 1 with a reference of HOLDER_MEM_FAIL, 0 free, or an errno. */
int get_hwpoison_page(struct page *page);
int mapping_evict_folio(struct address_space *cache, struct folio *folio);
/* The caller's reference, HOLDER_MEM_FAIL, ends on the piece with @page. */
int try_to_split_thp_page(struct page *page, u32 new_order);
void mf_keep(struct page *page);

/* mf_hugetlb.c */
/* 1 with a reference of HOLDER_MEM_FAIL, 0 free, -EBUSY; *hugetlb says whether it is one. */
int get_hwpoison_hugetlb_folio(struct folio *head, bool *hugetlb, bool unpoison);
int try_memory_failure_hugetlb(struct mm *mm, struct page *page, u32 flags, bool *hugetlb);
enum mf_result me_huge_page(struct folio *folio, struct page *page, enum mf_action_page_type type);
/* Move the poison from the head of a folio that is being dissolved to its raw pages. */
void folio_clear_hugetlb_hwpoison(struct folio *folio);
/* Free the list of raw pages, each marked if @move; how many. Not while optimized. */
u64 folio_free_raw_hwp(struct folio *folio, bool move);
/* A free page, or one of a free hugetlb folio, out of the allocator: 1, else 0 or an errno. */
int __page_handle_poison(struct page *page);
bool is_raw_hwpoison_page_in_hugepage(struct page *suspect);

#endif /* SEPTUM_MM_MF_INTERNAL_H */
