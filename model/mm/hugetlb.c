// SPDX-License-Identifier: GPL-2.0-only
/*
 * hugetlb pools: mm/hugetlb.c of Linux 7.3.4, one node. Allocate, free, resize,
 * dissolve, demote; every counter under hugetlb_lock as there. Subpools and
 * reservations: hugetlb_resv.c.
 *
 * Left out: VMAs and resv_maps (guest_memfd has neither), cgroups, CMA, memory
 * policies, bootmem allocation, migration.
 */
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"
#include "model/mm/mf_internal.h"

struct hstate *hugetlb_hstate(struct mm *mm, u32 order)
{
	u32 i;

	for (i = 0; mm->hugetlb && i < HUGE_MAX_HSTATE; i++)
		if (mm->hugetlb->hstates[i].order == order)
			return &mm->hugetlb->hstates[i];
	return NULL;
}

struct hstate *folio_hstate(const struct folio *folio)
{
	return hugetlb_hstate(mm_of(folio), folio_order(folio));
}

static struct lock *hugetlb_lock(const void *object)
{
	return &mm_of(object)->hugetlb->hugetlb_lock;
}

static void hstate_init(struct hstate *h, const char *name, u32 order, u32 demote_order)
{
	h->name = name;
	h->order = order;
	h->demote_order = demote_order;
	lock_init(&h->resize_lock, LOCK_HUGETLB_RESIZE, order);
	INIT_LIST_HEAD(&h->freelist);
	INIT_LIST_HEAD(&h->activelist);
}

void hugetlb_init(struct mm *mm)
{
	const struct mm_config *config = &mm->config;
	struct hugetlb_state *state;

	if (!config->hugetlb && !config->hugetlb_2m && !config->hugetlb_1g)
		return;
	state = arena_alloc(mm->env->arena, sizeof(*state));
	mm->hugetlb = state;
	lock_init(&state->hugetlb_lock, LOCK_HUGETLB, 0);
	INIT_LIST_HEAD(&state->deferred);
	pool_init(&state->subpools, "hugetlb subpool", sizeof(struct hugepage_subpool));
	sparse_init(&state->vmemmap_pte, sizeof(u32), vmemmap_frames(mm));
	hugetlb_split_init(state);
	hstate_init(&state->hstates[0], "hugepages-2048kB", HUGETLB_2M_ORDER, 0);
	hstate_init(&state->hstates[1], "hugepages-1048576kB", HUGETLB_1G_ORDER, HUGETLB_2M_ORDER);
	set_max_huge_pages(&state->hstates[1], config->hugetlb_1g);
	set_max_huge_pages(&state->hstates[0], config->hugetlb_2m);
}

bool mm_has_hugetlb(const struct mm *mm)
{
	return mm->hugetlb;
}

bool hugetlb_page_free(const struct folio *head)
{
	return folio_test_hugetlb(head) && folio_test_hpg(head, HPG_freed);
}

u64 hugetlb_pool_pages(const struct mm *mm)
{
	const struct hugetlb_state *state = mm->hugetlb;
	u64 pages = 0;
	u32 i;

	for (i = 0; state && i < HUGE_MAX_HSTATE; i++)
		pages += state->hstates[i].free_huge_pages << state->hstates[i].order;
	return pages;
}

static u64 persistent_huge_pages(const struct hstate *h)
{
	return h->nr_huge_pages - h->surplus_huge_pages;
}

/* -- on and off the lists (hugetlb_lock held) ---------------------------------------- */

static void set_hugetlb_type(struct folio *folio)
{
	folio->page.page_type = PGTY_hugetlb << 24;
}

static void clear_hugetlb_type(struct folio *folio)
{
	folio->page.page_type = PAGE_TYPE_NONE;
}

void init_new_hugetlb_folio(struct folio *fresh)
{
	set_hugetlb_type(fresh);
	INIT_LIST_HEAD(&fresh->lru);
	fresh->private = 0;
	fresh->_hugetlb_subpool = NULL;
	fresh->_hugetlb_cgroup = NULL;
	fresh->_hugetlb_cgroup_rsvd = NULL;
	fresh->_hugetlb_hwpoison = NULL;
}

static void enqueue_hugetlb_folio(struct hstate *h, struct folio *idle)
{
	struct mm *mm = mm_of(idle);

	lockdep_assert_held(hugetlb_lock(h));
	list_del(&idle->lru);
	list_add(&idle->lru, &h->freelist);
	h->free_huge_pages++;
	folio_set_hpg(idle, HPG_freed);
	if (mm->hooks.frame_freed)
		mm->hooks.frame_freed(mm->hooks.ctx, idle->pfn, h->order);
}

/* In use from here on, with one reference. */
static void activate_hugetlb_folio(struct hstate *h, struct folio *folio)
{
	struct mm *mm = mm_of(folio);

	list_del(&folio->lru);
	list_add(&folio->lru, &h->activelist);
	ledger_add(folio, HOLDER_LOOKUP, 1);
	folio_ref_unfreeze(folio, 1);
	if (mm->hooks.frame_allocated)
		mm->hooks.frame_allocated(mm->hooks.ctx, folio->pfn, h->order);
}

/* The first folio that is not poisoned; poisoned ones stay there for ever. */
static struct folio *dequeue_hugetlb_folio(struct hstate *h)
{
	struct folio *folio;

	lockdep_assert_held(hugetlb_lock(h));
	list_for_each_entry(folio, &h->freelist, lru) {
		if (folio_test_hwpoison(folio))
			continue;
		activate_hugetlb_folio(h, folio);
		folio_clear_hpg(folio, HPG_freed);
		h->free_huge_pages--;
		return folio;
	}
	return NULL;
}

static void remove_hugetlb_folio(struct hstate *h, struct folio *folio, bool adjust_surplus)
{
	lockdep_assert_held(hugetlb_lock(h));
	list_del(&folio->lru);
	if (folio_test_hpg(folio, HPG_freed)) {
		folio_clear_hpg(folio, HPG_freed);
		h->free_huge_pages--;
	}
	if (adjust_surplus)
		h->surplus_huge_pages--;
	/* Memory failure must still see an optimized one for what it is. */
	if (!folio_test_hpg(folio, HPG_vmemmap_optimized))
		clear_hugetlb_type(folio);
	h->nr_huge_pages--;
}

/* Back into the pool, when it could not be freed. All other HPG bits are lost. */
static void add_hugetlb_folio(struct hstate *h, struct folio *folio, bool adjust_surplus)
{
	lockdep_assert_held(hugetlb_lock(h));
	h->nr_huge_pages++;
	if (adjust_surplus)
		h->surplus_huge_pages++;
	set_hugetlb_type(folio);
	folio->private = 0;
	folio_set_hpg(folio, HPG_vmemmap_optimized);
	INIT_LIST_HEAD(&folio->lru);
	enqueue_hugetlb_folio(h, folio);
}

enum free_context { PROCESS, ATOMIC };

/* -- to the buddy ------------------------------------------------------------------------ */

static void free_hugetlb_to_buddy(struct hstate *h, struct folio *folio)
{
	clear_hugetlb_type(folio);
	if (folio_test_hwpoison(folio))
		folio_clear_hugetlb_hwpoison(folio);
	folio->private = 0;
	folio->lru.next = NULL;
	folio->lru.prev = NULL;
	free_frozen_pages(&folio->page, h->order);
}

static void __update_and_free_hugetlb_folio(struct hstate *h, struct folio *folio)
{
	if (folio_test_hpg(folio, HPG_raw_hwp_unreliable)) {
		/* Nobody knows which of its pages are bad. */
		mm_leak(&folio->page, h->order, "hugetlb folio with unknown poison");
		return;
	}
	if (hugetlb_vmemmap_restore_folio(folio)) {
		spin_lock(hugetlb_lock(h));
		add_hugetlb_folio(h, folio, true);
		spin_unlock(hugetlb_lock(h));
		return;
	}
	free_hugetlb_to_buddy(h, folio);
}

static void update_and_free_hugetlb_folio(struct hstate *h, struct folio *gone,
					  enum free_context context)
{
	/* Restoring sleeps, so where that is not allowed a worker does it. */
	if (context == ATOMIC && folio_test_hpg(gone, HPG_vmemmap_optimized)) {
		INIT_LIST_HEAD(&gone->lru);
		list_add_tail(&gone->lru, &mm_of(h)->hugetlb->deferred);
		return;
	}
	__update_and_free_hugetlb_folio(h, gone);	/* may sleep */
}

void wait_for_freed_hugetlb_folios(struct mm *mm)
{
	struct list_head *deferred;

	if (!mm->hugetlb)
		return;
	deferred = &mm->hugetlb->deferred;
	while (!list_empty(deferred)) {
		struct folio *folio = list_entry(deferred->next, struct folio, lru);

		list_del(&folio->lru);
		__update_and_free_hugetlb_folio(folio_hstate(folio), folio);
	}
}

void free_huge_folio(struct folio *last)
{
	struct hstate *h = folio_hstate(last);
	struct hugepage_subpool *spool = last->_hugetlb_subpool;
	bool restore_reserve = folio_test_hpg(last, HPG_restore_reserve);

	VM_BUG_ON_FOLIO(folio_ref_count(last), last);
	VM_BUG_ON_FOLIO(folio_mapcount(last), last);
	ledger_check_empty(last);
	last->_hugetlb_subpool = NULL;
	last->mapping = NULL;
	folio_clear_hpg(last, HPG_restore_reserve);
	/* The subpool may be below its minimum: then the page stays reserved. */
	if (!restore_reserve && hugepage_subpool_put_pages(spool, 1) == 0)
		restore_reserve = true;
	spin_lock(hugetlb_lock(h));
	folio_clear_hpg(last, HPG_migratable);
	last->flags &= ~(BIT_ULL(PG_dirty) | BIT_ULL(PG_uptodate) | BIT_ULL(PG_referenced));
	if (restore_reserve)
		h->resv_huge_pages++;
	if (folio_test_hpg(last, HPG_temporary) || h->surplus_huge_pages) {
		remove_hugetlb_folio(h, last, !folio_test_hpg(last, HPG_temporary));
		spin_unlock(hugetlb_lock(h));
		update_and_free_hugetlb_folio(h, last, ATOMIC);
		return;
	}
	enqueue_hugetlb_folio(h, last);
	spin_unlock(hugetlb_lock(h));
}

/* -- allocation ------------------------------------------------------------------------- */

/* From buddy or a contiguous range, reference count 0, optimized if that is on. */
static struct folio *only_alloc_fresh_hugetlb_folio(struct hstate *h)
{
	struct env *env = env_of(h);
	struct page *page;

	if (h->order > MAX_PAGE_ORDER)
		page = alloc_contig_frozen_pages(env, 1ULL << h->order, GFP_KERNEL | __GFP_COMP);
	else
		page = __alloc_frozen_pages(env, GFP_KERNEL | __GFP_COMP, h->order, "hugetlb");
	if (!page)
		return NULL;
	init_new_hugetlb_folio((struct folio *)page);
	hugetlb_vmemmap_optimize_folio((struct folio *)page);
	return (struct folio *)page;
}

static bool surplus_allowed(const struct hstate *h)
{
	return h->surplus_huge_pages < h->nr_overcommit_huge_pages;
}

static struct folio *alloc_surplus_hugetlb_folio(struct hstate *h)
{
	struct folio *folio = NULL;
	bool allowed;

	spin_lock(hugetlb_lock(h));
	allowed = surplus_allowed(h);
	spin_unlock(hugetlb_lock(h));
	if (allowed)
		folio = only_alloc_fresh_hugetlb_folio(h);
	if (!folio)
		return NULL;
	spin_lock(hugetlb_lock(h));
	/* Somebody else took the last one allowed while the lock was not held. */
	if (!surplus_allowed(h)) {
		h->nr_huge_pages++;
		remove_hugetlb_folio(h, folio, false);
		spin_unlock(hugetlb_lock(h));
		update_and_free_hugetlb_folio(h, folio, PROCESS);
		return NULL;
	}
	h->surplus_huge_pages++;
	h->nr_huge_pages++;
	spin_unlock(hugetlb_lock(h));
	return folio;
}

static void use_reservation(struct hstate *h, struct folio *folio)
{
	folio_set_hpg(folio, HPG_restore_reserve);
	h->resv_huge_pages--;
}

struct folio *hugetlb_alloc_folio(struct hstate *h, bool reserved)
{
	struct folio *folio = NULL;

	spin_lock(hugetlb_lock(h));
	if (reserved || available_huge_pages(h))
		folio = dequeue_hugetlb_folio(h);
	if (!folio) {
		spin_unlock(hugetlb_lock(h));
		folio = alloc_surplus_hugetlb_folio(h);
		if (!folio)
			return ERR_PTR(-ENOSPC);
		spin_lock(hugetlb_lock(h));
		activate_hugetlb_folio(h, folio);
	}
	if (reserved && h->resv_huge_pages)
		use_reservation(h, folio);
	spin_unlock(hugetlb_lock(h));
	return folio;
}

/* Surplus folios for a reservation; they go straight to the free list. 0 or -ENOMEM. */
int gather_surplus_pages(struct hstate *h, s64 needed)
{
	struct folio *folio, *next;
	struct list_head fresh;

	INIT_LIST_HEAD(&fresh);
	while (needed-- > 0) {
		spin_unlock(hugetlb_lock(h));
		folio = alloc_surplus_hugetlb_folio(h);
		spin_lock(hugetlb_lock(h));
		if (!folio)
			goto fail;
		list_add(&folio->lru, &fresh);
	}
	list_for_each_entry_safe(folio, next, &fresh, lru)
		enqueue_hugetlb_folio(h, folio);
	return 0;
fail:
	list_for_each_entry_safe(folio, next, &fresh, lru) {
		remove_hugetlb_folio(h, folio, true);
		spin_unlock(hugetlb_lock(h));
		update_and_free_hugetlb_folio(h, folio, PROCESS);
		spin_lock(hugetlb_lock(h));
	}
	return -ENOMEM;
}

/* A surplus folio that is free leaves the pool; hugetlb_lock is dropped meanwhile. */
bool free_surplus_huge_folio(struct hstate *h)
{
	struct folio *folio;

	if (list_empty(&h->freelist))
		return false;
	folio = list_entry(h->freelist.next, struct folio, lru);
	remove_hugetlb_folio(h, folio, true);
	spin_unlock(hugetlb_lock(h));
	update_and_free_hugetlb_folio(h, folio, PROCESS);
	spin_lock(hugetlb_lock(h));
	return true;
}

/* -- resize, dissolve, demote ------------------------------------------------------------- */

static void grow_pool(struct hstate *h, u64 count)
{
	while (h->surplus_huge_pages && count > persistent_huge_pages(h))
		h->surplus_huge_pages--;
	while (count > persistent_huge_pages(h)) {
		struct folio *folio;

		spin_unlock(hugetlb_lock(h));
		folio = only_alloc_fresh_hugetlb_folio(h);
		spin_lock(hugetlb_lock(h));
		if (!folio)
			return;
		h->nr_huge_pages++;
		enqueue_hugetlb_folio(h, folio);
	}
}

/* Free what can be restored without a stop; how many. What is left stays on the list. */
static u64 free_restored(struct hstate *h, struct list_head *list)
{
	u64 done = 0;

	while (!list_empty(list)) {
		struct folio *next = list_entry(list->next, struct folio, lru);

		/* One with unknown poison is not worth the memory: it is lost as it is. */
		if (!folio_test_hpg(next, HPG_raw_hwp_unreliable) &&
		    hugetlb_vmemmap_restore_folio(next))
			break;
		list_del(&next->lru);
		__update_and_free_hugetlb_folio(h, next);
		done++;
	}
	return done;
}

/*
 * All of the list, none of it in the pool any more. Freeing some may bring the
 * memory that others need; what cannot be restored goes back as surplus.
 */
static void update_and_free_pages_bulk(struct hstate *h, struct list_head *list)
{
	while (!list_empty(list)) {
		struct folio *folio;

		if (free_restored(h, list))
			continue;
		folio = list_entry(list->next, struct folio, lru);
		if (!hugetlb_vmemmap_restore_folio(folio))
			continue;
		list_del(&folio->lru);
		spin_lock(hugetlb_lock(h));
		add_hugetlb_folio(h, folio, true);
		spin_unlock(hugetlb_lock(h));
	}
}

static void shrink_pool(struct hstate *h, u64 count)
{
	u64 least = h->resv_huge_pages + h->nr_huge_pages - h->free_huge_pages;
	struct list_head gone;

	if (least < count)
		least = count;
	INIT_LIST_HEAD(&gone);
	while (least < persistent_huge_pages(h) && !list_empty(&h->freelist)) {
		struct folio *folio = list_entry(h->freelist.next, struct folio, lru);

		remove_hugetlb_folio(h, folio, false);
		list_add(&folio->lru, &gone);
	}
	spin_unlock(hugetlb_lock(h));
	update_and_free_pages_bulk(h, &gone);
	spin_lock(hugetlb_lock(h));
	/* What is in use becomes surplus, and goes when it is freed. */
	while (count < persistent_huge_pages(h) && h->surplus_huge_pages < h->nr_huge_pages)
		h->surplus_huge_pages++;
}

int set_max_huge_pages(struct hstate *h, u64 count)
{
	struct mm *mm = mm_of(h);

	mutex_lock(&h->resize_lock);
	wait_for_freed_hugetlb_folios(mm);
	spin_lock(hugetlb_lock(h));
	if (count > persistent_huge_pages(h))
		grow_pool(h, count);
	else
		shrink_pool(h, count);
	/* As far as it went. */
	h->max_huge_pages = h->nr_huge_pages - h->surplus_huge_pages;
	spin_unlock(hugetlb_lock(h));
	wait_for_freed_hugetlb_folios(mm);
	mutex_unlock(&h->resize_lock);
	return 0;
}

int dissolve_free_hugetlb_folio(struct folio *idle)
{
	struct hstate *h;
	int ret = -EBUSY;
	bool surplus;

	if (!mm_of(idle)->hugetlb || !folio_test_hugetlb(idle))
		return 0;
	spin_lock(hugetlb_lock(idle));
	h = folio_hstate(idle);
	/* Count 0 without HPG_freed is on its way to the free list: a moment later. */
	if (folio_ref_count(idle) || !folio_test_hpg(idle, HPG_freed) ||
	    !available_huge_pages(h)) {
		spin_unlock(hugetlb_lock(h));
		return ret;
	}
	surplus = h->surplus_huge_pages;
	remove_hugetlb_folio(h, idle, surplus);
	if (!surplus)
		h->max_huge_pages--;
	spin_unlock(hugetlb_lock(h));
	ret = hugetlb_vmemmap_restore_folio(idle);
	if (!ret) {
		update_and_free_hugetlb_folio(h, idle, PROCESS);
		return 0;
	}
	spin_lock(hugetlb_lock(h));
	add_hugetlb_folio(h, idle, surplus);
	if (!surplus)
		h->max_huge_pages++;
	spin_unlock(hugetlb_lock(h));
	return ret;
}

/* One folio of @src becomes many of @dst; its struct pages are all there. */
static void demote_free_hugetlb_folio(struct hstate *src, struct hstate *dst, struct folio *folio)
{
	struct mm *mm = mm_of(src);
	kvm_pfn_t pfn = folio->pfn, end = pfn + (1ULL << src->order);

	folio->lru.next = NULL;
	folio->lru.prev = NULL;
	clear_compound_page(&folio->page, src->order);
	for (; pfn < end; pfn += 1ULL << dst->order) {
		struct folio *piece = (struct folio *)__pfn_to_page(mm, pfn);

		prep_compound_page(&piece->page, dst->order);
		piece->mapping = NULL;
		init_new_hugetlb_folio(piece);
		hugetlb_vmemmap_optimize_folio(piece);
		spin_lock(hugetlb_lock(dst));
		dst->nr_huge_pages++;
		enqueue_hugetlb_folio(dst, piece);
		spin_unlock(hugetlb_lock(dst));
	}
}

s64 demote_pool_huge_page(struct hstate *src, u64 nr)
{
	struct hstate *dst = src->demote_order ? hugetlb_hstate(mm_of(src), src->demote_order) : NULL;
	struct folio *folio, *next;
	u64 done = 0, per = dst ? 1ULL << (src->order - dst->order) : 0;
	s64 rc = 0;

	if (!dst)
		return -EINVAL;
	spin_lock(hugetlb_lock(src));
	list_for_each_entry_safe(folio, next, &src->freelist, lru) {
		if (done == nr || !available_huge_pages(src))
			break;
		if (folio_test_hwpoison(folio))
			continue;
		remove_hugetlb_folio(src, folio, /* adjust_surplus */ false);
		spin_unlock(hugetlb_lock(src));
		rc = hugetlb_vmemmap_restore_folio(folio);
		if (!rc) {
			clear_hugetlb_type(folio);
			mutex_lock(&dst->resize_lock);
			demote_free_hugetlb_folio(src, dst, folio);
			mutex_unlock(&dst->resize_lock);
		}
		spin_lock(hugetlb_lock(src));
		if (rc) {
			add_hugetlb_folio(src, folio, false);
			break;
		}
		src->max_huge_pages--;
		dst->max_huge_pages += per;
		done++;
	}
	spin_unlock(hugetlb_lock(src));
	if (done)
		return done;
	return rc ? rc : -EBUSY;
}
