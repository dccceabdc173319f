// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TD's initial memory (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4):
 * KVM_TDX_INIT_MEM_REGION, which copies and measures userspace pages into the
 * TD, and KVM_TDX_FINALIZE_VM, after which pages come by faults only. Nothing
 * is left out.
 */
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/tdx.h"

#define TDX_EXTENDMR_CHUNKSIZE	256

struct tdx_gmem_post_populate_arg {
	struct kvm_vcpu *vcpu;
	u32 flags;
};

static int tdx_measure_page(struct kvm *kvm, gpa_t gpa)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);
	u64 err, entry, level_state;
	u64 i;

	for (i = 0; i < PAGE_SIZE; i += TDX_EXTENDMR_CHUNKSIZE) {
		err = tdh_mr_extend(&kvm_tdx->td, gpa + i, &entry, &level_state);
		/* Half a measured page is of no use to anybody: BUSY is fatal here. */
		if (TDX_BUG_ON_2(err, TDH_MR_EXTEND, entry, level_state, kvm))
			return -EIO;
	}
	return 0;
}

/* slots_lock and the inode's invalidate_lock held. */
static int tdx_gmem_post_populate(struct kvm *kvm, gfn_t gfn, kvm_pfn_t pfn,
				  struct page *src_page, void *opaque)
{
	struct tdx_gmem_post_populate_arg *arg = opaque;
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);
	int ret;

	if (KVM_BUG_ON(kvm_tdx->page_add_src, kvm))
		return -EIO;

	/* How the source gets past the TDP MMU to TDH.MEM.PAGE.ADD. */
	kvm_tdx->page_add_src = src_page;
	ret = kvm_tdp_mmu_map_private_pfn(arg->vcpu, gfn, pfn);
	kvm_tdx->page_add_src = NULL;

	if (ret || !(arg->flags & KVM_TDX_MEASURE_MEMORY_REGION))
		return ret;
	return tdx_measure_page(kvm, gfn_to_gpa(gfn));
}

static bool vt_is_tdx_private_gpa(struct kvm *kvm, gpa_t gpa)
{
	return !kvm_is_addr_direct(kvm, gpa);
}

static int tdx_check_mem_region(struct kvm *kvm, const struct kvm_tdx_init_mem_region *region)
{
	u64 size = region->nr_pages << PAGE_SHIFT;

	if (!IS_ALIGNED(region->source_addr, PAGE_SIZE) || !region->source_addr ||
	    !IS_ALIGNED(region->gpa, PAGE_SIZE) || !region->nr_pages ||
	    region->nr_pages > ~0ULL >> PAGE_SHIFT ||
	    region->gpa + size <= region->gpa)
		return -EINVAL;
	if (!vt_is_tdx_private_gpa(kvm, region->gpa) ||
	    !vt_is_tdx_private_gpa(kvm, region->gpa + size - 1))
		return -EINVAL;
	return 0;
}

int tdx_vcpu_init_mem_region(struct kvm_vcpu *vcpu, struct kvm_tdx_cmd *cmd)
{
	struct kvm_tdx_init_mem_region *region = (void *)(uintptr_t)cmd->data;
	struct tdx_gmem_post_populate_arg arg = { .vcpu = vcpu, .flags = cmd->flags };
	struct kvm *kvm = vcpu->kvm;
	int ret = 0;
	long pages;

	if (to_tdx(vcpu)->state != VCPU_TD_STATE_INITIALIZED)
		return -EINVAL;
	if (to_kvm_tdx(kvm)->state == TD_STATE_RUNNABLE)
		return -EINVAL;
	if (cmd->flags & ~KVM_TDX_MEASURE_MEMORY_REGION)
		return -EINVAL;
	if (!region)
		return -EFAULT;
	ret = tdx_check_mem_region(kvm, region);
	if (ret)
		return ret;

	/* The struct moves on page by page: an interrupted call can be repeated. */
	while (region->nr_pages) {
		if (signal_pending(vcpu)) {
			ret = -EINTR;
			break;
		}
		pages = kvm_gmem_populate(kvm, gpa_to_gfn(region->gpa), region->source_addr, 1,
					  false, tdx_gmem_post_populate, &arg);
		if (pages != 1) {
			ret = pages < 0 ? pages : -EIO;
			break;
		}
		region->source_addr += PAGE_SIZE;
		region->gpa += PAGE_SIZE;
		region->nr_pages--;
		task_yield(env_of(kvm), YIELD_RETRY);
	}
	return ret;
}

int tdx_td_finalize(struct kvm *kvm, struct kvm_tdx_cmd *cmd)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);

	if (!is_hkid_assigned(kvm_tdx) || kvm_tdx->state == TD_STATE_RUNNABLE)
		return -EINVAL;

	cmd->hw_error = tdh_mr_finalize(&kvm_tdx->td);
	if (tdx_operand_busy(cmd->hw_error))
		return -EBUSY;
	if (TDX_BUG_ON(cmd->hw_error, TDH_MR_FINALIZE, kvm))
		return -EIO;

	/* In this order: who may pre-fault has to see a TD that takes PAGE.AUG. */
	kvm_tdx->state = TD_STATE_RUNNABLE;
	kvm->arch.pre_fault_allowed = true;
	return 0;
}
