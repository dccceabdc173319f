/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory errors: mm/memory-failure.c of 7.3.4. */
#ifndef SEPTUM_MM_MEMORY_FAILURE_H
#define SEPTUM_MM_MEMORY_FAILURE_H

#include "model/mm/page.h"

enum mf_flags {
	MF_COUNT_INCREASED	= 1 << 0,
	MF_ACTION_REQUIRED	= 1 << 1,
	MF_MUST_KILL		= 1 << 2,
	MF_SOFT_OFFLINE		= 1 << 3,
	MF_UNPOISON		= 1 << 4,
	MF_SW_SIMULATED		= 1 << 5,
	MF_NO_RETRY		= 1 << 6,
	MF_MEM_PRE_REMOVE	= 1 << 7,
};

enum mf_result {
	MF_IGNORED,
	MF_FAILED,
	MF_DELAYED,
	MF_RECOVERED,
};

/*
 * 0; -ENXIO (no such memory), -EHWPOISON (poisoned before, or a large folio
 * that cannot be split), -EBUSY (ignored or failed), -EFAULT. A guest_memfd page
 * gives -EBUSY although its callback did its work: only 0 from
 * error_remove_folio counts as success. May sleep; takes mf_mutex.
 */
int memory_failure(struct env *env, kvm_pfn_t pfn, u32 flags);
/* 0, -EOPNOTSUPP after a real failure, -EBUSY. */
int unpoison_memory(struct env *env, kvm_pfn_t pfn);
/* 0, -ENXIO, -EBUSY, -EIO, -EOPNOTSUPP (switched off). */
int soft_offline_page(struct env *env, kvm_pfn_t pfn, u32 flags);

/*
 * Poison of one page of a hugetlb folio and nothing else: head flag and list of raw
 * pages; without memory for its node the folio becomes unreliable. Under no lock
 * but hugetlb_lock, which it takes; does not sleep.
 */
void folio_set_hugetlb_hwpoison(struct folio *folio, struct page *page);

#endif /* SEPTUM_MM_MEMORY_FAILURE_H */
