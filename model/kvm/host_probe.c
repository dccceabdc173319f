// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled host, looking: what a scenario may ask about folios, SPTEs, VMs
 * and frames. Nothing here takes a reference or a lock or changes anything.
 */
#include "model/kvm/hold.h"
#include "model/kvm/host_internal.h"
#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"
#include "model/mm/hugetlb.h"

int host_probe_folio(struct host *h, u32 gmem, u64 offset, struct host_folio_view *view)
{
	struct file *file = host_open_gmem(h, gmem);
	struct folio *folio;

	*view = (struct host_folio_view){ 0 };
	if (!file)
		return -EBADF;
	folio = xa_load(&file->f_mapping->i_pages, offset >> PAGE_SHIFT);
	if (!folio)
		return 0;
	view->present = true;
	view->pfn = folio_pfn(folio);
	view->refcount = folio_ref_count(folio);
	view->order = folio_order(folio);
	view->uptodate = folio_test_uptodate(folio);
	view->locked = folio_test_locked(folio);
	view->hwpoison = folio_contain_hwpoisoned_page(folio);
	view->marked = folio_file_page(folio, offset >> PAGE_SHIFT)->flags & BIT_ULL(PG_model_hold);
	view->dma_pinned = folio_maybe_dma_pinned(folio);
	view->in_lru_batch = folio_in_lru_batch(folio);
	view->mapcount = folio_mapcount(folio);
	view->pincount = folio_test_large(folio) ? folio->_pincount :
			 page_ledger(&folio->page)->count[HOLDER_GUP_PIN] / GUP_PIN_COUNTING_BIAS;
	return 0;
}

int host_probe_spte(struct host *h, u32 vm, gpa_t gpa, bool mirror,
		    struct host_spte_view *view)
{
	struct kvm *kvm = host_vm_kvm(h, vm);

	*view = (struct host_spte_view){ 0 };
	return kvm ? kvm_mmu_probe_spte(kvm, gpa, mirror, view) : -EBADF;
}

int host_probe_vm(struct host *h, u32 vm, struct host_vm_view *view)
{
	struct kvm *kvm = host_vm_kvm(h, vm);

	*view = (struct host_vm_view){ 0 };
	if (!kvm)
		return 0;
	view->exists = true;
	view->vm_dead = kvm->vm_dead;
	view->vm_bugged = kvm->vm_bugged;
	view->attributes_generation = kvm->attributes_generation;
	for (u32 i = 0; i < ARRAY_SIZE(view->pages); i++)
		view->pages[i] = kvm->arch.mmu.pages[i];
	view->split_looked = kvm->arch.mmu.split_looked;
	if (is_td(kvm)) {
		const struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);

		view->hkid = kvm_tdx->hkid;
		view->state = kvm_tdx->state;
		if (kvm_tdx->td.tdr_page)
			view->tdr = page_to_phys(kvm_tdx->td.tdr_page);
	}
	return 0;
}

int host_probe_vcpu(struct host *h, u32 vm, u32 vcpu, hpa_t *tdvpr)
{
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);

	*tdvpr = 0;
	if (!v)
		return -EBADF;
	if (is_td_vcpu(v))
		*tdvpr = to_tdx(v)->vp.tdvpr_pa;
	return 0;
}

int host_probe_attributes(struct host *h, u32 vm, gpa_t gpa, u64 *attributes)
{
	struct kvm *kvm = host_vm_kvm(h, vm);

	if (!kvm)
		return -EBADF;
	*attributes = kvm_globals_of(kvm)->gmem_in_place_conversion ?
		      kvm_gmem_get_memory_attributes(kvm, gpa_to_gfn(gpa)) :
		      kvm_get_memory_attributes(kvm, gpa_to_gfn(gpa));
	return 0;
}

bool host_frame_free(struct host *h, kvm_pfn_t pfn)
{
	return mm_frame_free(mm_of(model_host(h)), pfn);
}

int host_probe_holders(struct host *h, kvm_pfn_t pfn, struct host_holder_view *view, u32 max)
{
	struct holder_view holders[HOLDER_NR * 2];
	int count = mm_holders(mm_of(model_host(h)), pfn, holders, ARRAY_SIZE(holders));

	for (int i = 0; i < count && i < (int)max && i < (int)ARRAY_SIZE(holders); i++)
		view[i] = (struct host_holder_view){
			holders[i].kind, holders[i].count, holders[i].pfn,
		};
	return count;
}

int host_probe_pamt_count(struct host *h, kvm_pfn_t pfn)
{
	return tdx_pamt_refcount(model_host(h)->globals.tdx, pfn);
}

int host_probe_leaks(struct host *h, struct host_leak_view *view, u32 max)
{
	const struct mm_leak *leak;
	u32 count = 0;

	for (leak = mm_leaks(mm_of(model_host(h))); leak; leak = leak->next, count++)
		if (count < max)
			view[count] = (struct host_leak_view){
				leak->pfn, leak->order, leak->reason,
			};
	return count;
}

int host_probe_hold(struct host *h, struct host_hold_view *view)
{
	hold_probe(&model_host(h)->globals, view);
	return 0;
}

int host_probe_hugetlb(struct host *h, u8 level, struct host_hugetlb_view *view)
{
	struct mm *mm = mm_of(model_host(h));
	const struct hstate *pool = hugetlb_hstate(mm, (level - PG_LEVEL_4K) * 9);

	*view = (struct host_hugetlb_view){ .vmemmap_saved = hugetlb_vmemmap_saved(mm) };
	if (!pool)
		return 0;
	view->total = pool->nr_huge_pages;
	view->free = pool->free_huge_pages;
	view->reserved = pool->resv_huge_pages;
	view->surplus = pool->surplus_huge_pages;
	return 0;
}
