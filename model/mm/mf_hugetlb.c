// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory errors in hugetlb folios: the hugetlb half of mm/memory-failure.c, and
 * get_hwpoison_hugetlb_folio() of mm/hugetlb.c, Linux 7.3.4. The head's poison
 * flag says that some page is bad, a list on the folio says which; without
 * memory for the list the folio is unreliable: all of it counts as bad.
 *
 * Folios of guest_memfd are never migratable: what follows from a reference on one
 * in use, me_huge_page() and its mapping, is for those of a hugetlb memfd.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/mf_internal.h"

enum {
	HUGE_NEW,		/* newly poisoned */
	HUGE_FOLIO_POISONED,	/* another page of it was bad before */
	HUGE_PAGE_POISONED,	/* this very page was */
};

int get_hwpoison_hugetlb_folio(struct folio *head, bool *hugetlb, bool unpoison)
{
	struct hugetlb_state *state = mm_of(head)->hugetlb;
	int ret = 0;

	*hugetlb = false;
	if (!state)
		return 0;
	spin_lock(&state->hugetlb_lock);
	if (folio_test_hugetlb(head)) {
		*hugetlb = true;
		if (folio_test_hpg(head, HPG_freed))
			ret = 0;
		else if (folio_test_hpg(head, HPG_migratable) || unpoison)
			ret = folio_try_get_as(head, HOLDER_MEM_FAIL);
		else
			ret = -EBUSY;
	}
	spin_unlock(&state->hugetlb_lock);
	return ret;
}

static struct raw_hwp_page *raw_hwp_list(const struct folio *folio)
{
	return folio->_hugetlb_hwpoison;
}

u64 folio_free_raw_hwp(struct folio *folio, bool move)
{
	struct mm *mm = mm_of(folio);
	struct raw_hwp_page *raw = raw_hwp_list(folio);
	u64 count = 0;

	/* Tail pages that are shared cannot carry a flag of their own. */
	if (move && folio_test_hpg(folio, HPG_vmemmap_optimized))
		return 0;
	folio->_hugetlb_hwpoison = NULL;
	while (raw) {
		struct raw_hwp_page *next = raw->next;

		if (move)
			SetPageHWPoison(__pfn_to_page(mm, raw->pfn));
		else
			mm->mf.num_poisoned_pages--;
		pool_free(&mm->mf.raw_hwp_pages, raw);
		raw = next;
		count++;
	}
	return count;
}

void folio_clear_hugetlb_hwpoison(struct folio *head)
{
	if (folio_test_hpg(head, HPG_raw_hwp_unreliable) ||
	    folio_test_hpg(head, HPG_vmemmap_optimized))
		return;
	folio_clear_hwpoison(head);
	folio_free_raw_hwp(head, true);
}

static int hugetlb_update_hwpoison(struct folio *head, struct page *page)
{
	struct mm *mm = mm_of(head);
	int ret = folio_test_hwpoison(head) ? HUGE_FOLIO_POISONED : HUGE_NEW;
	struct raw_hwp_page *raw;

	folio_set_hwpoison(head);
	if (folio_test_hpg(head, HPG_raw_hwp_unreliable))
		return HUGE_FOLIO_POISONED;
	for (raw = raw_hwp_list(head); raw; raw = raw->next)
		if (raw->pfn == page->pfn)
			return HUGE_PAGE_POISONED;
	if (inject_alloc_atomic(mm->env, "raw_hwp_page")) {
		/* Which pages are bad is not known any more, so none can be used. */
		folio_set_hpg(head, HPG_raw_hwp_unreliable);
		folio_free_raw_hwp(head, false);
		return ret;
	}
	raw = pool_alloc(&mm->mf.raw_hwp_pages);
	raw->pfn = page->pfn;
	raw->next = raw_hwp_list(head);
	head->_hugetlb_hwpoison = raw;
	return ret;
}

void folio_set_hugetlb_hwpoison(struct folio *folio, struct page *page)
{
	struct mm *mm = mm_of(folio);

	spin_lock(&mm->hugetlb->hugetlb_lock);
	if (hugetlb_update_hwpoison(folio, page) != HUGE_PAGE_POISONED)
		mm->mf.num_poisoned_pages++;
	spin_unlock(&mm->hugetlb->hugetlb_lock);
}

bool is_raw_hwpoison_page_in_hugepage(struct page *suspect)
{
	struct mm *mm = mm_of(suspect);
	struct folio *folio = page_folio(suspect);
	struct raw_hwp_page *raw;
	bool found = false;

	if (!folio_test_hwpoison(folio))
		return false;
	if (!folio_test_hugetlb(folio))
		return PageHWPoison(suspect);
	if (folio_test_hpg(folio, HPG_raw_hwp_unreliable))
		return true;
	mutex_lock(&mm->mf.mf_mutex);
	for (raw = raw_hwp_list(folio); raw && !found; raw = raw->next)
		found = raw->pfn == suspect->pfn;
	mutex_unlock(&mm->mf.mf_mutex);
	return found;
}

int __page_handle_poison(struct page *raw)
{
	struct mm *mm = mm_of(raw);
	int ret;

	zone_pcp_disable(mm);
	ret = dissolve_free_hugetlb_folio(page_folio(raw));
	if (!ret)
		ret = take_page_off_buddy(raw);
	zone_pcp_enable(mm);
	return ret;
}

/* The raw page is out of the allocator: one reference keeps it there. */
static bool take_raw_page(struct page *page)
{
	if (__page_handle_poison(page) <= 0)
		return false;
	page->_refcount++;
	ledger_add((struct folio *)page, HOLDER_MEM_FAIL, 1);
	mf_keep(page);
	return true;
}

enum huge_state { HUGE_NONE, HUGE_FREED, HUGE_IN_USE, HUGE_RETRY };

/* What state the folio is in, with a reference if it is in use; marks the poison. */
static enum huge_state get_huge_page_for_hwpoison(struct page *page, u32 flags, int *poisoned)
{
	struct folio *folio = page_folio(page);
	struct hugetlb_state *state = mm_of(folio)->hugetlb;
	enum huge_state found = HUGE_NONE;
	bool mine = false;

	*poisoned = HUGE_NEW;
	if (!state)
		return HUGE_NONE;
	spin_lock(&state->hugetlb_lock);
	if (!folio_test_hugetlb(folio))
		goto out;
	found = HUGE_RETRY;
	if (flags & MF_COUNT_INCREASED) {
		found = HUGE_IN_USE;
		mine = true;
		ledger_move(folio, HOLDER_LOOKUP, HOLDER_MEM_FAIL, 1);
	} else if (folio_test_hpg(folio, HPG_freed)) {
		found = HUGE_FREED;
	} else if (folio_test_hpg(folio, HPG_migratable)) {
		mine = folio_try_get_as(folio, HOLDER_MEM_FAIL);
		found = mine ? HUGE_IN_USE : HUGE_FREED;
	} else if (!(flags & MF_NO_RETRY)) {
		goto out;
	}
	*poisoned = hugetlb_update_hwpoison(folio, page);
	if (*poisoned == HUGE_NEW)
		folio_clear_hpg(folio, HPG_migratable);
	else if (mine)
		folio_ref_add_as(folio, -1, HOLDER_MEM_FAIL);
out:
	spin_unlock(&state->hugetlb_lock);
	return found;
}

enum mf_result me_huge_page(struct folio *folio, struct page *page, enum mf_action_page_type type)
{
	struct address_space *cache = folio->mapping;
	enum mf_result result;

	if (!cache) {
		folio_unlock(folio);
		folio_put_as(folio, HOLDER_MEM_FAIL);
		return take_raw_page(page) ? MF_RECOVERED : MF_FAILED;
	}
	/* The reference of ours stays on it: it will not see its pool again. */
	mm_leak(&folio->page, folio_order(folio), "memory-failure");
	result = truncate_error_folio(folio, page->pfn, cache);
	folio_unlock(folio);
	/* It stays in the page cache, whose references are therefore in order. */
	if (folio_ref_count(folio) - 1 > (s32)folio_nr_pages(folio)) {
		kmsg(env_of(folio), KMSG_ERR, "has_extra_refcount",
		     "Memory failure: %#x: %s still referenced by %lld users", page->pfn,
		     mf_msg[type], (long long)(folio_ref_count(folio) - 1 - folio_nr_pages(folio)));
		result = MF_FAILED;
	}
	return result;
}

int try_memory_failure_hugetlb(struct mm *mm, struct page *page, u32 flags, bool *hugetlb)
{
	int poisoned;
	enum huge_state state = get_huge_page_for_hwpoison(page, flags, &poisoned);
	struct folio *folio = page_folio(page);
	u64 saved_flags;

	if (state == HUGE_RETRY && poisoned == HUGE_NEW && !(flags & MF_NO_RETRY)) {
		flags |= MF_NO_RETRY;
		state = get_huge_page_for_hwpoison(page, flags, &poisoned);
	}
	*hugetlb = state != HUGE_NONE;
	if (state == HUGE_NONE)
		return 0;
	if (poisoned != HUGE_NEW) {
		action_result(mm, page->pfn, poisoned == HUGE_PAGE_POISONED ?
			      MF_MSG_ALREADY_POISONED : MF_MSG_HUGE, MF_FAILED);
		return -EHWPOISON;
	}
	if (state == HUGE_RETRY)
		return action_result(mm, page->pfn, MF_MSG_GET_HWPOISON, MF_IGNORED);
	folio_lock(folio);
	if (state == HUGE_FREED) {
		folio_unlock(folio);
		return action_result(mm, page->pfn, MF_MSG_FREE_HUGE,
				     take_raw_page(page) ? MF_RECOVERED : MF_FAILED);
	}
	saved_flags = folio->flags;
	if (!hwpoison_user_mappings(folio, page, flags)) {
		folio_unlock(folio);
		return action_result(mm, page->pfn, MF_MSG_UNMAP_FAILED, MF_FAILED);
	}
	return identify_page_state(folio, page, saved_flags);
}
