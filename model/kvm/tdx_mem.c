// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TD's initial memory (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4):
 * KVM_TDX_INIT_MEM_REGION, which copies and measures userspace pages into the
 * TD, and KVM_TDX_FINALIZE_VM, after which pages come by faults only. Nothing
 * is left out.
 */
#include "model/kvm/guest_memfd.h"
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/tdx.h"

#define TDX_EXTENDMR_CHUNKSIZE	256

struct tdx_gmem_post_populate_arg {
	struct kvm_vcpu *vcpu;
	u32 flags;
};

static int tdx_measure_page(struct kvm *vm, gpa_t gpa)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	u64 err, entry, level_state;
	u64 i;

	for (i = 0; i != PAGE_SIZE; i += TDX_EXTENDMR_CHUNKSIZE) {
		err = tdh_mr_extend(&tdvm->td, gpa + i, &entry, &level_state);
		/* Half a measured page is of no use to anybody: BUSY is fatal here. */
		if (TDX_BUG_ON_2_IN("tdx_gmem_post_populate", err, TDH_MR_EXTEND,
				    entry, level_state, vm))
			return -EIO;
	}
	return 0;
}

/* slots_lock and the inode's invalidate_lock held. */
static int tdx_gmem_post_populate(struct kvm *vm, gfn_t gfn, kvm_pfn_t pfn,
				  struct page *src_page, void *opaque)
{
	struct tdx_gmem_post_populate_arg *how = opaque;
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	int r;

	if (KVM_BUG_ON(tdvm->page_add_src, vm))
		return -EIO;

	/* Without a source the page becomes the TD's with what it holds (v8). */
	if (!src_page && gmem_in_place_conversion(vm))
		src_page = pfn_to_page(env_of(vm), pfn);
	if (!src_page)
		return -EOPNOTSUPP;

	/* How the source gets past the TDP MMU to TDH.MEM.PAGE.ADD. */
	tdvm->page_add_src = src_page;
	r = kvm_tdp_mmu_map_private_pfn(how->vcpu, gfn, pfn);
	tdvm->page_add_src = NULL;

	if (r || !(how->flags & KVM_TDX_MEASURE_MEMORY_REGION))
		return r;
	return tdx_measure_page(vm, gfn_to_gpa(gfn));
}

static bool vt_is_tdx_private_gpa(struct kvm *vm, gpa_t gpa)
{
	return !kvm_is_addr_direct(vm, gpa);
}

static int tdx_check_mem_region(struct kvm *vm, const struct kvm_tdx_init_mem_region *region)
{
	bool source = region->source_addr || gmem_in_place_conversion(vm);
	/* 7.3.4 does not see a number of pages whose size is lost at the top. */
	u64 size = region->nr_pages << PAGE_SHIFT;

	if (!IS_ALIGNED(region->source_addr, PAGE_SIZE) || !source ||
	    !IS_ALIGNED(region->gpa, PAGE_SIZE) || !region->nr_pages ||
	    region->gpa + size <= region->gpa)
		return -EINVAL;
	if (!vt_is_tdx_private_gpa(vm, region->gpa) ||
	    !vt_is_tdx_private_gpa(vm, region->gpa + size - 1))
		return -EINVAL;
	return 0;
}

int tdx_vcpu_init_mem_region(struct kvm_vcpu *v, struct kvm_tdx_cmd *c)
{
	struct kvm_tdx_init_mem_region *region = (void *)(uintptr_t)c->data;
	struct tdx_gmem_post_populate_arg how = { .vcpu = v, .flags = c->flags };
	struct kvm *vm = v->kvm;
	int r = 0;
	long pages;

	if (to_tdx(v)->state != VCPU_TD_STATE_INITIALIZED)
		return -EINVAL;
	if (to_kvm_tdx(vm)->state == TD_STATE_RUNNABLE)
		return -EINVAL;
	if (c->flags & ~KVM_TDX_MEASURE_MEMORY_REGION)
		return -EINVAL;
	if (!region)
		return -EFAULT;
	r = tdx_check_mem_region(vm, region);
	if (r)
		return r;

	/* The struct moves on page by page: an interrupted call can be repeated. */
	while (region->nr_pages) {
		if (signal_pending(v)) {
			r = -EINTR;
			break;
		}
		pages = kvm_gmem_populate(vm, gpa_to_gfn(region->gpa), region->source_addr, 1,
					  false, tdx_gmem_post_populate, &how);
		if (pages != 1) {
			r = pages < 0 ? pages : -EIO;
			break;
		}
		if (region->source_addr)
			region->source_addr += PAGE_SIZE;
		region->gpa += PAGE_SIZE;
		region->nr_pages--;
		task_yield(env_of(vm), YIELD_RETRY);
	}
	return r;
}

int tdx_td_finalize(struct kvm *vm, struct kvm_tdx_cmd *c)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);

	if (!is_hkid_assigned(tdvm) || tdvm->state == TD_STATE_RUNNABLE)
		return -EINVAL;

	c->hw_error = tdh_mr_finalize(&tdvm->td);
	if (tdx_operand_busy(c->hw_error))
		return -EBUSY;
	if (TDX_BUG_ON(c->hw_error, TDH_MR_FINALIZE, vm))
		return -EIO;

	/* In this order: who may pre-fault has to see a TD that takes PAGE.AUG. */
	tdvm->state = TD_STATE_RUNNABLE;
	vm->arch.pre_fault_allowed = true;
	return 0;
}
