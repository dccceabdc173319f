// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a conversion in place: memory for the attributes, host mappings, the
 * check for references nobody of guest_memfd holds, invalidation and the store.
 * In-place conversion v8 (18 June 2026), patches 13 to 18; the invalidation in
 * two parts and the check after the zap as the RFC of May 2025 (51 patches) and
 * the proof of concept over it (Y. Zhao, June 2025) have them.
 */
#include "model/kvm/gmem_convert.h"
#include "model/kvm/hold.h"
#include "model/kvm/series_bugs.h"
#include "model/mm/filemap.h"

static struct gmem_attributes *attributes_of(const struct gmem_conversion *cnv)
{
	return &GMEM_I(cnv->inode)->attributes;
}

/* -- memory ----------------------------------------------------------------- */

int gmem_step_prealloc(struct gmem_conversion *cnv)
{
	cnv->error_index = cnv->start;
	return gmem_attributes_preallocate(attributes_of(cnv));
}

void gmem_undo_prealloc(struct gmem_conversion *cnv)
{
	gmem_attributes_unreserve(attributes_of(cnv));
}

/* -- the host --------------------------------------------------------------- */

/* Not undone later: who still may look takes a fault. */
int gmem_step_host_unmap(struct gmem_conversion *cnv)
{
	unmap_mapping_pages(cnv->inode->i_mapping, cnv->start, cnv->end - cnv->start, false);
	return 0;
}

/* Nobody refers to the folio but the page cache and the caller, who looked it up. */
static bool kvm_gmem_has_safe_refcount(const struct folio *folio)
{
	return folio_ref_count(folio) == (s32)folio_nr_pages(folio) + 1;
}

static bool check_folio(struct gmem_conversion *cnv, struct folio *folio)
{
	if (kvm_gmem_has_safe_refcount(folio))
		return true;
	/* It may be waiting in some CPU's batch to be put on the LRU. */
	if (folio_test_large(folio) || cnv->drained || series_bug(folio, SERIES_BUG_NO_LRU_DRAIN))
		return false;
	cnv->drained = true;
	lru_add_drain_all(env_of(folio));
	return kvm_gmem_has_safe_refcount(folio);
}

/* @error at the first folio of the range that somebody else refers to. */
static int check_refs(struct gmem_conversion *cnv, int error)
{
	struct xarray *pages = &cnv->inode->i_mapping->i_pages;
	struct folio *folio;
	u64 index;
	bool safe;

	xa_for_each_range(pages, index, folio, cnv->start, cnv->end - 1) {
		folio_get(folio);
		safe = check_folio(cnv, folio);
		folio_put(folio);
		if (safe)
			continue;
		cnv->error_index = folio->index > cnv->start ? folio->index : cnv->start;
		return error;
	}
	return 0;
}

/* Userspace is to find out who it is and to try again. */
int gmem_step_check_refs(struct gmem_conversion *cnv)
{
	return check_refs(cnv, -EAGAIN);
}

/*
 * After a zap of private memory a reference is taken for KVM's, left behind by a
 * removal that failed. One that only passes by looks the same.
 */
int gmem_step_check_zapped_refs(struct gmem_conversion *cnv)
{
	return check_refs(cnv, -EFAULT);
}

/* -- invalidation ----------------------------------------------------------- */

static void invalidation_of(struct gmem_conversion *cnv, u64 granule)
{
	cnv->inv_start = cnv->start & ~(granule - 1);
	cnv->inv_end = ALIGN_UP(cnv->end, granule);
}

/*
 * Counts and zaps in one hold of each mmu_lock. What is zapped follows from the
 * old state of the whole range: a part that has the new state already goes, too.
 */
int gmem_step_invalidate_start(struct gmem_conversion *cnv)
{
	invalidation_of(cnv, 1);
	cnv->unmapped = kvm_gmem_invalidate_start(cnv->inode, cnv->start, cnv->end);
	return 0;
}

int gmem_step_invalidate_begin(struct gmem_conversion *cnv)
{
	invalidation_of(cnv, 1);
	kvm_gmem_invalidate_begin(cnv->inode, cnv->inv_start, cnv->inv_end);
	return 0;
}

/* A fault anywhere in a folio that may be restructured has to wait. */
int gmem_step_invalidate_begin_huge(struct gmem_conversion *cnv)
{
	invalidation_of(cnv, 1ULL << kvm_gmem_page_order(cnv->inode));
	kvm_gmem_invalidate_begin(cnv->inode, cnv->inv_start, cnv->inv_end);
	return 0;
}

/*
 * Cannot fail, whatever the module says: for private memory there is no way back.
 * Only the half that the range leaves: the RFC makes a work item of what changes.
 */
int gmem_step_zap(struct gmem_conversion *cnv)
{
	cnv->unmapped = kvm_gmem_zap(cnv->inode, cnv->start, cnv->end,
				     cnv->to_private ? KVM_FILTER_SHARED : KVM_FILTER_PRIVATE);
	return 0;
}

/* What a hold policy makes of it. 0 with that of 7.3.4. */
int gmem_step_after_zap(struct gmem_conversion *cnv)
{
	return hold_after_zap(cnv->inode, cnv->start, cnv->end, HOLD_CONVERT, cnv->unmapped,
			      &cnv->error_index);
}

int gmem_step_invalidate_end(struct gmem_conversion *cnv)
{
	kvm_gmem_invalidate_end(cnv->inode, cnv->inv_start, cnv->inv_end);
	return 0;
}

void gmem_undo_invalidate(struct gmem_conversion *cnv)
{
	gmem_step_invalidate_end(cnv);
}

/* -- the attributes --------------------------------------------------------- */

/* Cannot fail: the memory is there. */
int gmem_step_store(struct gmem_conversion *cnv)
{
	gmem_attributes_store(attributes_of(cnv), cnv->start, cnv->end, cnv->attrs);
	kvm_gmem_trace_range(cnv->inode, cnv->start, cnv->end, NULL);
	return 0;
}

static int copy_runs(const struct gmem_attributes *from, struct gmem_attributes *to,
		     pgoff_t start, pgoff_t end)
{
	pgoff_t index, run_end;
	u64 attrs;

	for (index = start; index < end; index = run_end) {
		attrs = gmem_attributes_run(from, index, &run_end);
		if (run_end > end)
			run_end = end;
		if (gmem_attributes_preallocate(to))
			return -ENOMEM;
		gmem_attributes_store(to, index, run_end, attrs);
	}
	return 0;
}

/* The RFC of May 2025 makes a work item of each run that has one state now. */
int gmem_step_work_items(struct gmem_conversion *cnv)
{
	const struct gmem_attributes *attributes = attributes_of(cnv);

	cnv->error_index = cnv->start;
	gmem_attributes_init(&cnv->before, attributes->pool, cnv->attrs);
	return copy_runs(attributes, &cnv->before, cnv->start, cnv->end);
}

/* Its store has nothing preallocated and comes before what depends on it. */
int gmem_step_set_shareability(struct gmem_conversion *cnv)
{
	cnv->error_index = cnv->start;
	if (gmem_attributes_preallocate(attributes_of(cnv)))
		return -ENOMEM;
	return gmem_step_store(cnv);
}

/* Needs memory as well; when there is none the range keeps its new state. */
void gmem_undo_shareability(struct gmem_conversion *cnv)
{
	WARN_ON_ONCE(env_of(cnv->inode),
		     copy_runs(&cnv->before, attributes_of(cnv), cnv->start, cnv->end));
	kvm_gmem_trace_range(cnv->inode, cnv->start, cnv->end, NULL);
}
