// SPDX-License-Identifier: GPL-2.0-only
/*
 * unpoison_memory() and soft_offline_page(): mm/memory-failure.c of Linux
 * 7.3.4. Left out: migration. A page that would have to be migrated is -EBUSY,
 * which is also what guest_memfd's unmovable pages give.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/huge_memory.h"
#include "model/mm/mf_internal.h"

#define MAGIC_HWPOISON	0x48575053u

static bool PageHWPoisonTakenOff(const struct page *page)
{
	return PageHWPoison(page) && page->private == MAGIC_HWPOISON;
}

/* 1 with a reference, 0 free, -EHWPOISON taken off the buddy. */
static int __get_unpoison_page(struct page *bad)
{
	struct folio *folio = page_folio(bad);
	bool hugetlb;
	int ret = get_hwpoison_hugetlb_folio(folio, &hugetlb, true);

	if (hugetlb)
		return ret;
	if (PageHWPoisonTakenOff(bad))
		return -EHWPOISON;
	return folio_try_get_as(folio, HOLDER_MEM_FAIL);
}

/*
 * Poisoned, but not kept away by anything that has to be undone first. By its own
 * flag: of a hugetlb folio only the head has one, so that only its pfn will do.
 */
static bool may_unpoison(struct page *page)
{
	struct folio *folio = page_folio(page);

	return PageHWPoison(page) && folio_ref_count(folio) <= 1 &&
	       !folio_test_reserved(folio) && !page_has_type(&folio->page, PGTY_table) &&
	       !folio_mapped(folio) && !folio->mapping;
}

/* The list of a hugetlb folio was counted page by page when it was freed. */
static void unpoisoned(struct mm *mm, struct page *page, bool hugetlb)
{
	if (!hugetlb)
		mm->mf.num_poisoned_pages--;
	mm_unleak(hugetlb ? &page_folio(page)->page : page);
}

/* A page with our reference: flag, kept reference and ours go. */
static int unpoison_in_use(struct mm *mm, struct page *page)
{
	struct folio *folio = page_folio(page);
	bool hugetlb = folio_test_hugetlb(folio);

	if (hugetlb && !folio_free_raw_hwp(folio, false)) {
		folio_put_as(folio, HOLDER_MEM_FAIL);
		return -EBUSY;
	}
	folio_put_as(folio, HOLDER_MEM_FAIL);
	if (hugetlb)
		folio_clear_hwpoison(folio);
	else
		ClearPageHWPoison(page);
	unpoisoned(mm, page, hugetlb);
	folio_put_as(folio, HOLDER_MEM_FAIL);
	return 0;
}

static int unpoison_free(struct mm *mm, struct page *page)
{
	struct folio *folio = page_folio(page);
	bool hugetlb = folio_test_hugetlb(folio);

	if (hugetlb && !folio_free_raw_hwp(folio, false))
		return -EBUSY;
	if (!folio_test_clear_hwpoison(folio))
		return -EBUSY;
	unpoisoned(mm, page, hugetlb);
	return 0;
}

static int unpoison(struct mm *mm, struct page *page)
{
	int ret;

	if (!may_unpoison(page))
		return -EBUSY;
	ret = __get_unpoison_page(page);
	if (!ret)
		return unpoison_free(mm, page);
	if (ret > 0)
		return unpoison_in_use(mm, page);
	if (ret != -EHWPOISON)
		return ret;
	if (!put_page_back_buddy(page))
		return -EBUSY;
	unpoisoned(mm, page, false);
	return 0;
}

int unpoison_memory(struct env *env, kvm_pfn_t pfn)
{
	struct mm *mm = env->layer[LAYER_MM];
	struct page *page = __pfn_to_page(mm, pfn);
	int ret = -EOPNOTSUPP;

	if (!page)
		return -ENXIO;
	mutex_lock(&mm->mf.mf_mutex);
	/* After a real error nobody knows that the frame is good. */
	if (!mm->mf.hw_memory_failure)
		ret = unpoison(mm, page);
	mutex_unlock(&mm->mf.mf_mutex);
	return ret;
}

/* Flag it and keep one reference; @release: the caller's reference goes. */
static void page_handle_poison(struct mm *mm, struct page *page, bool release)
{
	struct folio *folio = (struct folio *)page;

	SetPageHWPoison(page);
	mf_keep(page);
	if (!release)
		folio_ref_add_as(folio, 1, HOLDER_MEM_FAIL);
	mm->mf.num_poisoned_pages++;
}

static int soft_offline_in_use_page(struct mm *mm, struct page *page)
{
	struct folio *folio = page_folio(page);
	int evicted = 0;

	if (folio_test_large(folio) && !folio_test_hugetlb(folio) &&
	    (min_order_for_split(folio) || try_to_split_thp_page(page, 0))) {
		folio_put_as(page_folio(page), HOLDER_MEM_FAIL);
		return -EBUSY;
	}
	folio = page_folio(page);
	folio_lock(folio);
	if (!folio_test_hugetlb(folio) && folio->mapping)
		evicted = mapping_evict_folio(folio->mapping, folio);
	folio_unlock(folio);
	if (!evicted) {
		folio_put_as(folio, HOLDER_MEM_FAIL);
		return -EBUSY;
	}
	page_cache_release(folio);
	page_handle_poison(mm, page, true);
	return 0;
}

static int soft_offline_free_page(struct mm *mm, struct page *page)
{
	if (__page_handle_poison(page) <= 0)
		return -EBUSY;
	page_handle_poison(mm, page, false);
	return 0;
}

int soft_offline_page(struct env *env, kvm_pfn_t pfn, u32 flags)
{
	struct mm *mm = env->layer[LAYER_MM];
	struct page *page = __pfn_to_page(mm, pfn);
	int ret = 0;

	if (!page)
		return -ENXIO;
	if (!mm->config.enable_soft_offline)
		return -EOPNOTSUPP;
	mutex_lock(&mm->mf.mf_mutex);
	if (!PageHWPoison(page)) {
		ret = get_hwpoison_page(page);
		if (ret > 0)
			ret = soft_offline_in_use_page(mm, page);
		else if (!ret)
			ret = soft_offline_free_page(mm, page);
	}
	mutex_unlock(&mm->mf.mf_mutex);
	return ret;
}
