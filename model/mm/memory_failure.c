// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory errors on pages that are not hugetlb: mm/memory-failure.c of Linux
 * 7.3.4. Kept as they are: a callback that answers
 * MF_DELAYED counts as a failure; the folio lock is held while error_remove_folio
 * takes invalidate_lock, against the documented order.
 *
 * Left out: anonymous memory, KSM, DAX and device pages, swap cache, the
 * hwpoison filter, per-process kill policies (vm.memory_failure_early_kill and
 * MF_ACTION_REQUIRED decide), walking the page tables for SIGBUS addresses.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/huge_memory.h"
#include "model/mm/mf_internal.h"

const char *const mf_msg[MF_MSG_NR] = {
#define MF_MSG(name, text) [MF_MSG_##name] = text,
#include "model/mm/mf_msg.def"
#undef MF_MSG
};

static const char *const mf_result_name[] = {
	[MF_IGNORED] = "Ignored",
	[MF_FAILED] = "Failed",
	[MF_DELAYED] = "Delayed",
	[MF_RECOVERED] = "Recovered",
};

void memory_failure_init(struct mm *mm)
{
	lock_init(&mm->mf.mf_mutex, LOCK_MF_MUTEX, 0);
	pool_init(&mm->mf.raw_hwp_pages, "raw_hwp_page", sizeof(struct raw_hwp_page));
}

int action_result(struct mm *mm, kvm_pfn_t pfn, enum mf_action_page_type type,
		  enum mf_result result)
{
	if (type != MF_MSG_ALREADY_POISONED)
		mm->mf.num_poisoned_pages++;
	mm->mf.last_type = mf_msg[type];
	mm->mf.last_result = result;
	kmsg(mm->env, KMSG_ERR, "action_result", "Memory failure: %#llx: recovery action for %s: %s",
	     (unsigned long long)pfn, mf_msg[type], mf_result_name[result]);
	if (mm->config.panic_on_unrecoverable_memory_failure && type == MF_MSG_KERNEL &&
	    result == MF_IGNORED)
		mm_bug(mm->env, "action_result", "unrecoverable memory failure");
	return result == MF_RECOVERED || result == MF_DELAYED ? 0 : -EBUSY;
}

/* The reference memory failure keeps for ever; the frame is lost with it. */
void mf_keep(struct page *page)
{
	mm_leak(page, 0, "memory-failure");
}

/* -- getting hold of the page ---------------------------------------------------- */

static bool HWPoisonHandlable(struct page *page)
{
	return folio_test_lru(page_folio(page)) || is_free_buddy_page(page);
}

static bool is_kernel_owned_page(const struct page *page)
{
	const struct folio *folio = page_folio(page);

	return folio_test_reserved(folio) || page_has_type(&folio->page, PGTY_table);
}

/* 1: a reference of HOLDER_MEM_FAIL; 0: the page is free; -EBUSY: not one to handle. */
static int __get_hwpoison_page(struct page *page)
{
	struct folio *folio = page_folio(page);
	bool hugetlb = false;
	int ret = get_hwpoison_hugetlb_folio(folio, &hugetlb, false);

	if (hugetlb)
		return ret;
	if (!HWPoisonHandlable(page))
		return -EBUSY;
	return folio_try_get_as(folio, HOLDER_MEM_FAIL);
}

/* What one try found: 1, 0 or an errno; *again asks for another one. */
static int get_any_page_once(struct page *page, bool *again)
{
	int ret = __get_hwpoison_page(page);

	*again = true;
	if (ret == -EBUSY && is_kernel_owned_page(page)) {
		*again = false;
		return -ENOTRECOVERABLE;
	}
	if (ret == -EBUSY)
		return -EIO;
	if (!ret && page_ref_count(page))
		return -EBUSY;		/* it came back to life meanwhile */
	if (!ret && !PageHuge(page) && !is_free_buddy_page(page))
		return -EIO;		/* on its way to the buddy */
	*again = false;
	return ret;
}

static int get_any_page(struct page *page)
{
	bool again = true;
	int pass, ret = 0;

	for (pass = 0; pass < 4 && again; pass++) {
		if (pass)
			shake_folio(page_folio(page));
		ret = get_any_page_once(page, &again);
	}
	return ret;
}

int get_hwpoison_page(struct page *page)
{
	struct mm *mm = mm_of(page);
	int ret;

	zone_pcp_disable(mm);
	ret = get_any_page(page);
	zone_pcp_enable(mm);
	return ret;
}

/* -- user mappings ------------------------------------------------------------------ */

static void kill_procs(struct folio *folio, u32 flags, u8 lsb)
{
	struct mm *mm = mm_of(folio);
	struct vm_area_struct *vma;

	if (!(flags & MF_ACTION_REQUIRED) && !mm->config.memory_failure_early_kill)
		return;
	list_for_each_entry(vma, &folio->mapping->i_mmap, shared) {
		u64 at = folio->index;

		if (!xa_find(&vma->ptes, &at, folio_next_index(folio) - 1))
			continue;
		vma->vm_mm->sigbus = true;
		vma->vm_mm->sigbus_lsb = lsb;
		kmsg(mm->env, KMSG_ERR, "kill_proc", "Memory failure: %#x: SIGBUS to %s, address lsb %u",
		     folio->pfn, vma->vm_mm->name, lsb);
	}
}

/* False when the page could not be unmapped. */
bool hwpoison_user_mappings(struct folio *folio, struct page *page, u32 flags)
{
	u8 lsb = PAGE_SHIFT + folio_order(folio);
	bool dirty;

	if (folio_test_reserved(folio) || page_has_type(&folio->page, PGTY_table))
		return true;
	if (!folio_test_lru(folio) && !folio_test_hugetlb(folio))
		return true;
	if (!folio_mapped(folio))
		return true;
	dirty = folio_test_dirty(folio) || flags & MF_MUST_KILL;
	unmap_poisoned_folio(folio, flags & MF_MUST_KILL);
	if (dirty || folio_mapped(folio))
		kill_procs(folio, flags, lsb);
	return !folio_mapped(folio);
}

/* -- what to do by kind of page --------------------------------------------------------- */

static bool has_extra_refcount(struct folio *folio, bool extra_pins, enum mf_action_page_type type)
{
	s64 count = folio_ref_count(folio) - 1;

	if (extra_pins)
		count -= folio_nr_pages(folio);
	if (count <= 0)
		return false;
	kmsg(env_of(folio), KMSG_ERR, "has_extra_refcount",
	     "Memory failure: %#x: %s still referenced by %lld users", folio->pfn,
	     mf_msg[type], (long long)count);
	return true;
}

/* Isolated from the LRU for good: it is not going back. */
static void delete_from_lru_cache(struct folio *folio)
{
	if (!folio_isolate_lru(folio))
		return;
	folio->flags &= ~(BIT_ULL(PG_active) | BIT_ULL(PG_unevictable));
	folio_put_as(folio, HOLDER_ISOLATE);
}

/* 1 when a clean folio nobody uses left the page cache. */
int mapping_evict_folio(struct address_space *cache, struct folio *folio)
{
	s32 expected = folio_nr_pages(folio) + 1;

	if (folio->mapping != cache || folio_test_dirty(folio) || folio_test_writeback(folio))
		return 0;
	if (folio_ref_count(folio) > expected + folio_has_private(folio))
		return 0;
	if (!folio_ref_freeze(folio, expected))
		return 0;
	__filemap_remove_folio(folio);
	ledger_add(folio, HOLDER_FILEMAP, -(expected - 1));
	ledger_add(folio, HOLDER_FREEZE, expected - 1);
	folio_ref_unfreeze(folio, 1);
	return 1;
}

enum mf_result truncate_error_folio(struct folio *folio, kvm_pfn_t pfn,
				    struct address_space *cache)
{
	int err;

	if (cache->a_ops->error_remove_folio) {
		err = cache->a_ops->error_remove_folio(cache, folio);
		if (!err)
			return MF_RECOVERED;
		kmsg(env_of(folio), KMSG_INFO, "truncate_error_folio",
		     "Memory failure: %#llx: Failed to punch page: %d", (unsigned long long)pfn, err);
		return MF_FAILED;
	}
	if (mapping_evict_folio(cache, folio))
		return MF_RECOVERED;
	kmsg(env_of(folio), KMSG_INFO, "truncate_error_folio",
	     "Memory failure: %#llx: Failed to invalidate", (unsigned long long)pfn);
	return MF_FAILED;
}

static enum mf_result me_pagecache_clean(struct folio *folio, struct page *page,
					 enum mf_action_page_type type)
{
	struct address_space *cache;
	enum mf_result result = MF_FAILED;

	delete_from_lru_cache(folio);
	cache = folio->mapping;
	if (cache) {
		bool shmem = cache->is_shmem;

		result = truncate_error_folio(folio, page->pfn, cache);
		/* Only shmem's own references are expected to stay. */
		if (has_extra_refcount(folio, shmem, type))
			result = MF_FAILED;
	}
	folio_unlock(folio);
	return result;
}

static enum mf_result me_pagecache_dirty(struct folio *folio, struct page *page,
					 enum mf_action_page_type type)
{
	if (folio->mapping)
		folio->mapping->wb_err = -EIO;
	return me_pagecache_clean(folio, page, type);
}

static enum mf_result me_unknown(struct folio *folio, struct page *page,
				 enum mf_action_page_type type)
{
	kmsg(env_of(folio), KMSG_ERR, "me_unknown", "Memory failure: %#x: Unknown page state",
	     page->pfn);
	folio_unlock(folio);
	return MF_IGNORED;
}

struct page_state {
	u64 mask, res;
	enum mf_action_page_type type;
	enum mf_result (*action)(struct folio *folio, struct page *page,
				 enum mf_action_page_type type);
};

#define F(flag)	BIT_ULL(PG_##flag)

/* The first row that fits; the last one fits everything. */
static const struct page_state error_states[] = {
	{ F(head), F(head), MF_MSG_HUGE, me_huge_page },
	{ F(mlocked) | F(dirty), F(mlocked) | F(dirty), MF_MSG_DIRTY_MLOCKED_LRU,
	  me_pagecache_dirty },
	{ F(mlocked) | F(dirty), F(mlocked), MF_MSG_CLEAN_MLOCKED_LRU, me_pagecache_clean },
	{ F(unevictable) | F(dirty), F(unevictable) | F(dirty), MF_MSG_DIRTY_UNEVICTABLE_LRU,
	  me_pagecache_dirty },
	{ F(unevictable) | F(dirty), F(unevictable), MF_MSG_CLEAN_UNEVICTABLE_LRU,
	  me_pagecache_clean },
	{ F(lru) | F(dirty), F(lru) | F(dirty), MF_MSG_DIRTY_LRU, me_pagecache_dirty },
	{ F(lru) | F(dirty), F(lru), MF_MSG_CLEAN_LRU, me_pagecache_clean },
	{ 0, 0, MF_MSG_UNKNOWN, me_unknown },
};

static const struct page_state *state_of(u64 flags)
{
	const struct page_state *state = error_states;

	while ((flags & state->mask) != state->res)
		state++;
	return state;
}

/* Flags now, then those from before the page was unmapped. */
int identify_page_state(struct folio *folio, struct page *page, u64 saved_flags)
{
	const struct page_state *state = state_of(page->flags);
	enum mf_result result;

	if (!state->mask)
		state = state_of(saved_flags | (page->flags & BIT_ULL(PG_dirty)));
	result = state->action(folio, page, state->type);
	return action_result(mm_of(page), page->pfn, state->type, result);
}

/* -- the entry point ----------------------------------------------------------------- */

/* A free page: out of the buddy with one reference of ours. */
static int mf_free_page(struct mm *mm, struct page *page, bool *lost_race)
{
	*lost_race = false;
	if (!is_free_buddy_page(page))
		return action_result(mm, page->pfn, MF_MSG_KERNEL_HIGH_ORDER, MF_IGNORED);
	if (!take_page_off_buddy(page)) {
		*lost_race = true;
		return action_result(mm, page->pfn, MF_MSG_BUDDY, MF_FAILED);
	}
	page->_refcount = 1;
	ledger_add((struct folio *)page, HOLDER_MEM_FAIL, 1);
	mf_keep(page);
	return action_result(mm, page->pfn, MF_MSG_BUDDY, MF_RECOVERED);
}

int try_to_split_thp_page(struct page *page, u32 order)
{
	struct folio *folio = page_folio(page);
	int ret;

	folio_lock(folio);
	/* The split wants the caller's reference by the name a caller's has. */
	ledger_move(folio, HOLDER_MEM_FAIL, HOLDER_LOOKUP, 1);
	ret = split_huge_page_to_order(page, order);
	folio = page_folio(page);
	ledger_move(folio, HOLDER_LOOKUP, HOLDER_MEM_FAIL, 1);
	folio_unlock(folio);
	return ret;
}

/* 0 when @page is a small page now; else the result of memory_failure(). */
static int mf_large_folio(struct mm *mm, struct page *page, u32 flags)
{
	struct folio *folio = page_folio(page);
	u32 order = min_order_for_split(folio);
	int err;

	folio->_flags_1 |= BIT_ULL(PG_has_hwpoisoned);
	err = try_to_split_thp_page(page, order);
	if (!err && !order)
		return 0;
	folio = page_folio(page);
	if (folio->mapping)
		kill_procs(folio, flags | MF_MUST_KILL, PAGE_SHIFT + folio_order(folio));
	folio_put_as(folio, HOLDER_MEM_FAIL);
	action_result(mm, page->pfn, MF_MSG_UNSPLIT_THP, MF_FAILED);
	return -EHWPOISON;
}

static int mf_lru_page(struct mm *mm, struct page *page, u32 flags)
{
	struct folio *folio = page_folio(page);
	u64 saved_flags;

	shake_folio(folio);
	folio_lock(folio);
	saved_flags = page->flags;
	if (folio_test_lru(folio) || folio_test_writeback(folio)) {
		if (!hwpoison_user_mappings(folio, page, flags)) {
			folio_unlock(folio);
			return action_result(mm, page->pfn, MF_MSG_UNMAP_FAILED, MF_FAILED);
		}
		if (folio_test_lru(folio) && !folio->mapping) {
			folio_unlock(folio);
			return action_result(mm, page->pfn, MF_MSG_TRUNCATED_LRU, MF_IGNORED);
		}
	}
	return identify_page_state(folio, page, saved_flags);
}

/* Flagged before: nothing to do but to tell who runs into it again. */
static int mf_already_poisoned(struct mm *mm, struct page *page, u32 flags)
{
	if (flags & MF_COUNT_INCREASED)
		folio_put(page_folio(page));
	action_result(mm, page->pfn, MF_MSG_ALREADY_POISONED, MF_FAILED);
	return -EHWPOISON;
}

static int mf_normal_page(struct mm *mm, struct page *page, u32 flags, bool retry)
{
	bool lost_race;
	int ret;

	if (TestSetPageHWPoison(page))
		return mf_already_poisoned(mm, page, flags);
	if (flags & MF_COUNT_INCREASED) {
		ledger_move(page_folio(page), HOLDER_LOOKUP, HOLDER_MEM_FAIL, 1);
	} else {
		ret = get_hwpoison_page(page);
		if (!ret) {
			ret = mf_free_page(mm, page, &lost_race);
			if (!lost_race || !retry)
				return ret;
			ClearPageHWPoison(page);
			return mf_normal_page(mm, page, flags, false);
		}
		if (ret < 0)
			return action_result(mm, page->pfn, ret == -ENOTRECOVERABLE ?
					     MF_MSG_KERNEL : MF_MSG_GET_HWPOISON, MF_IGNORED);
	}
	if (folio_test_large(page_folio(page))) {
		ret = mf_large_folio(mm, page, flags);
		if (ret)
			return ret;
	}
	mf_keep(page);
	return mf_lru_page(mm, page, flags);
}

int memory_failure(struct env *env, kvm_pfn_t pfn, u32 flags)
{
	struct mm *mm = env->layer[LAYER_MM];
	struct page *page = __pfn_to_page(mm, pfn);
	bool hugetlb = false;
	int ret;

	if (!mm->config.memory_failure_recovery)
		mm_bug(env, "memory_failure", "Memory failure on page without recovery");
	mutex_lock(&mm->mf.mf_mutex);
	if (!(flags & MF_SW_SIMULATED))
		mm->mf.hw_memory_failure = true;
	ret = -ENXIO;
	if (page) {
		ret = try_memory_failure_hugetlb(mm, page, flags, &hugetlb);
		if (!hugetlb)
			ret = mf_normal_page(mm, page, flags, true);
	}
	mutex_unlock(&mm->mf.mf_mutex);
	return ret;
}
