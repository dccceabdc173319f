// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hold policies: their table, what KVM's TDX code, guest_memfd and the frame
 * hooks call, lists of frames, and what the policy of this machine did and
 * costs. no-hold is Linux 7.3.4 ("KVM: TDX: Drop superfluous page pinning in
 * S-EPT management") and always-pin what that patch found; the others are
 * proposals of the discussion around it (June and July 2025), as far as its
 * mails describe them. Where a mail leaves the hook point open, the one here
 * is said at the policy. How held frames are accounted for is the model's.
 */
#include <string.h>

#include "model/kvm/hold_internal.h"
#include "model/kvm/tdx_virt.h"
#include "model/mm/hugetlb.h"

const struct hold_policy_row hold_policies[] = {
#define HOLD_POLICY(id, name, summary) { name, summary, &hold_##id },
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
};

const u32 hold_policy_count = ARRAY_SIZE(hold_policies);

const struct hold_policy *hold_policy_find(const char *name)
{
	u32 i;

	for (i = 0; i < hold_policy_count; i++) {
		if (!strcmp(hold_policies[i].name, name))
			return hold_policies[i].policy;
	}
	return NULL;
}

void hold_boot(struct kvm_globals *globals)
{
	struct hold_state *hold = arena_alloc(globals->host.env->arena, sizeof(*hold));
	const struct hw *hw = globals->host.hw;

	pool_init(&hold->errors, "hold_error", sizeof(struct hold_error));
	pool_init(&hold->inodes, "hold_inode", sizeof(struct hold_inode));
	sparse_init(&hold->page_ext, 1, hw->frame_count);
	hold->count.boot_bytes = hw->frame_count * globals->policy->page_bytes;
	globals->hold = hold;
}

/* -- lists of frames ---------------------------------------------------------- */

struct hold_error *hold_error_new(struct hold_state *hold, kvm_pfn_t pfn)
{
	struct env *env = env_of(hold);
	struct hold_error *error;

	hold->count.error_allocs++;
	if (current_task(env)->held_classes & BIT_ULL(LOCK_MMU_LOCK))
		hold->count.error_allocs_atomic++;
	if (inject_alloc_atomic(env, "hold_error")) {
		hold->count.error_allocs_failed++;
		return NULL;
	}
	error = pool_alloc(&hold->errors);
	*error = (struct hold_error){ .pfn = pfn };
	hold->count.error_bytes += sizeof(*error);
	return error;
}

void hold_errors_free(struct hold_state *hold, struct hold_error *list)
{
	while (list) {
		struct hold_error *next = list->next;

		hold->count.error_bytes -= sizeof(*list);
		pool_free(&hold->errors, list);
		list = next;
	}
}

bool hold_errors_have(struct hold_state *hold, const struct hold_error *list,
		      kvm_pfn_t pfn, u64 nr)
{
	/* Even an empty list is looked at. */
	hold->count.good_steps++;
	for (; list; list = list->next) {
		hold->count.good_steps++;
		if (list->pfn - pfn < nr)
			return true;
	}
	return false;
}

void hold_errors_drop(struct hold_state *hold, struct hold_error **list, kvm_pfn_t pfn)
{
	struct hold_error *error;

	for (; (error = *list); list = &error->next) {
		if (error->pfn != pfn)
			continue;
		*list = error->next;
		error->next = NULL;
		hold_errors_free(hold, error);
		return;
	}
}

/* -- flags, and frames that are kept -------------------------------------------- */

struct inode *pfn_gmem_inode(const void *object, kvm_pfn_t pfn)
{
	struct folio *folio = pfn_folio(object, pfn);

	return folio->mapping && folio->mapping->a_ops == &kvm_gmem_aops ?
	       folio->mapping->host : NULL;
}

void hold_page_mark(struct page *page, bool mark)
{
	hold_step(page, 1);
	page_store(page, "a mark in struct page");
	if (page->flags & BIT_ULL(PG_model_readonly))
		return;
	if (mark) {
		page->flags |= BIT_ULL(PG_model_hold);
		hold_of(page)->any_mark = true;
	} else {
		page->flags &= ~BIT_ULL(PG_model_hold);
	}
}

void folio_mark(struct folio *folio)
{
	folio->flags |= BIT_ULL(PG_model_hold);
	hold_of(folio)->any_mark = true;
}

void folio_unmark(struct folio *folio)
{
	folio->flags &= ~BIT_ULL(PG_model_hold);
}

void hold_lost(struct folio *folio, const char *reason)
{
	kvm_pfn_t head;
	u32 order = hugetlb_split_origin(mm_of(folio), folio_pfn(folio), &head);

	/* A second failure in the same folio takes nothing more. */
	if (order || !(folio->flags & BIT_ULL(PG_model_leaked))) {
		hold_of(folio)->count.kept++;
		hold_of(folio)->count.bytes_kept += folio_nr_pages(folio) << PAGE_SHIFT;
	}
	if (order)
		mm_leak(pfn_to_page(env_of(folio), head), order, reason);
	else
		mm_leak(&folio->page, folio_order(folio), reason);
}

void hold_keep(struct folio *folio, const char *reason)
{
	folio_get_as(folio, HOLDER_GMEM);
	hold_lost(folio, reason);
}

/* -- what KVM's TDX code calls ---------------------------------------------------- */

void hold_count_call(struct kvm_globals *globals)
{
	globals->hold->count.good_calls++;
}

void hold_error_met(struct kvm *kvm, enum hold_step step)
{
	struct hold_state *hold = hold_of(kvm);

	hold->count.errors++;
	hold->count.error_steps |= 1u << step;
	hold->count.error_locks |= current_task(env_of(kvm))->held_classes;
}

/* -- what guest_memfd calls ------------------------------------------------------- */

int hold_inode_init(struct inode *inode, u64 size)
{
	const struct hold_policy *policy = kvm_globals_of(inode)->policy;
	struct hold_inode *hi;
	int err = 0;

	if (!policy->inode_data)
		return 0;
	hi = pool_alloc(&hold_of(inode)->inodes);
	hi->nr_pages = size >> PAGE_SHIFT;
	if (policy->inode_init)
		err = policy->inode_init(hi, env_of(inode));
	if (err) {
		pool_free(&hold_of(inode)->inodes, hi);
		return err;
	}
	hold_of(inode)->count.inode_bytes += hi->nr_pages * policy->index_bytes;
	GMEM_I(inode)->hold = hi;
	return 0;
}

void hold_inode_gone(struct inode *inode)
{
	struct hold_state *hold = hold_of(inode);
	struct hold_inode *hi = hold_inode_of(inode);

	if (!hi)
		return;
	hold_errors_free(hold, hi->errors);
	pool_free(&hold->inodes, hi);
	GMEM_I(inode)->hold = NULL;
}

/*
 * Each folio of a range, once, by its place: a policy may split what it is given.
 * @settle: leave to it what its error path could not do, which was not allowed to
 * sleep. Then @look, until it gives an error.
 */
static int hold_walk(struct inode *inode, pgoff_t start, pgoff_t end,
		     int (*look)(struct folio *folio, const struct hold_zap *zap),
		     const struct hold_zap *zap, pgoff_t *error_index)
{
	const struct hold_policy *policy = kvm_globals_of(inode)->policy;
	struct xarray *pages = &inode->i_mapping->i_pages;
	pgoff_t index = start;
	struct folio *folio;
	int err;

	while (index < end && (folio = xa_find(pages, &index, end - 1))) {
		pgoff_t at = folio->index > start ? folio->index : start;

		hold_step(inode, 1);
		if (policy->settle && (!zap || zap->use != HOLD_MEMORY_FAILURE))
			policy->settle(folio);
		folio = xa_load(pages, at);
		err = look(folio, zap);
		if (err) {
			if (error_index)
				*error_index = at;
			return err;
		}
		index = folio_next_index(folio);
	}
	return 0;
}

int hold_after_zap(struct inode *inode, pgoff_t start, pgoff_t end, enum hold_use use,
		   struct kvm_unmapped unmapped, pgoff_t *error_index)
{
	const struct kvm_globals *globals = kvm_globals_of(inode);
	const struct hold_zap zap = { use, unmapped };
	int err;

	if (!globals->policy->after_zap)
		return 0;
	err = hold_walk(inode, start, end, globals->policy->after_zap, &zap, error_index);
	if (err)
		globals->hold->count.refused++;
	return use == HOLD_CONVERT && !globals->config.conversion_checks ? 0 : err;
}

static int truncate_folio(struct folio *folio, const struct hold_zap *zap)
{
	const struct hold_policy *policy = kvm_globals_of(folio)->policy;

	if (policy->truncate)
		policy->truncate(folio);
	return 0;
}

void hold_truncate(struct inode *inode, pgoff_t start, pgoff_t end)
{
	const struct hold_policy *policy = kvm_globals_of(inode)->policy;

	if (policy->truncate || policy->settle)
		hold_walk(inode, start, end, truncate_folio, NULL, NULL);
}

void hold_split_begin(struct folio *folio, struct hold_pieces *pieces)
{
	const struct hold_policy *policy = kvm_globals_of(folio)->policy;

	*pieces = (struct hold_pieces){
		folio->mapping, folio->index, folio_pfn(folio), folio_nr_pages(folio), 0, NULL,
	};
	if (policy->split_begin)
		policy->split_begin(folio, pieces);
}

void hold_split_done(struct hold_pieces *pieces, int err)
{
	const struct hold_policy *policy = kvm_globals_of(pieces->mapping)->policy;

	if (policy->split_done)
		policy->split_done(pieces, err);
}

void hold_merge_begin(struct inode *inode, pgoff_t index, u64 nr, struct hold_pieces *pieces)
{
	const struct hold_policy *policy = kvm_globals_of(inode)->policy;
	struct folio *first = xa_load(&inode->i_mapping->i_pages, index);

	*pieces = (struct hold_pieces){ inode->i_mapping, index, folio_pfn(first), nr, 0, NULL };
	if (policy->merge_begin)
		policy->merge_begin(pieces);
}

void hold_merge_done(struct hold_pieces *pieces, int err)
{
	const struct hold_policy *policy = kvm_globals_of(pieces->mapping)->policy;

	if (policy->merge_done)
		policy->merge_done(pieces, err);
}

/* A caller's folio at @index, and whether the policy has something against it. */
static int ask(struct folio *folio, pgoff_t index, int (*hook)(struct folio *, pgoff_t))
{
	int err;

	if (!hook)
		return 0;
	hold_count_call(kvm_globals_of(folio));
	err = hook(folio, index);
	if (err)
		hold_of(folio)->count.refused++;
	return err;
}

int hold_alloc(struct folio *folio, pgoff_t index)
{
	return ask(folio, index, kvm_globals_of(folio)->policy->alloc);
}

int hold_get_pfn(struct folio *folio, pgoff_t index)
{
	return ask(folio, index, kvm_globals_of(folio)->policy->get_pfn);
}

int hold_host_fault(struct folio *folio, pgoff_t index)
{
	return ask(folio, index, kvm_globals_of(folio)->policy->host_fault);
}

int hold_link(struct inode *inode)
{
	const struct hold_policy *policy = kvm_globals_of(inode)->policy;

	return policy->link ? policy->link(inode) : 0;
}

void hold_memory_failure(struct folio *folio)
{
	const struct hold_policy *policy = kvm_globals_of(folio)->policy;

	if (policy->memory_failure)
		policy->memory_failure(folio);
}

void hold_frames_freed(struct kvm_globals *globals, kvm_pfn_t pfn, u32 order)
{
	if (unlikely(globals->policy->frames_freed))
		globals->policy->frames_freed(globals, pfn, order);
}

/* -- accounting --------------------------------------------------------------------- */

void hold_probe(struct kvm_globals *globals, struct host_hold_view *view)
{
	const struct mm_leak *leak;

	*view = globals->hold->count;
	view->bytes_out_of_use = 0;
	for (leak = mm_leaks(mm_of(globals)); leak; leak = leak->next)
		view->bytes_out_of_use += PAGE_SIZE << leak->order;
	view->host_down = mm_host_down(mm_of(globals));
	view->tdx_off = globals->tdx && globals->tdx->shut_down;
}
