// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd and huge S-EPT leaves: in every VM that shows a range of the file,
 * leaves that reach over its borders are split before it is zapped ("Dynamic PAMT
 * + S-EPT hugepage" v5 by Sean Christopherson, 28 January 2026, patches 43 to 45),
 * and the steps of a conversion around that. Blocking first, with a way back, is
 * an idea of his of 2 October 2025 that nobody posted.
 */
#include "model/kvm/gmem_convert.h"
#include "model/kvm/mmu.h"

static int split_range(struct kvm *kvm, struct kvm_gfn_range *range, void *arg)
{
	return kvm_split_cross_boundary_leafs(kvm, range);
}

int kvm_gmem_split_private(struct inode *gmem, pgoff_t start, pgoff_t end)
{
	return kvm_gmem_for_each_gfn_range(gmem, start, end, KVM_FILTER_PRIVATE, split_range, NULL);
}

int gmem_step_split_sept(struct gmem_conversion *cnv)
{
	return kvm_gmem_split_private(cnv->inode, cnv->start, cnv->end);
}

static int block_range(struct kvm *kvm, struct kvm_gfn_range *range, void *arg)
{
	int err;

	KVM_MMU_LOCK(kvm);
	err = kvm_mmu_block_gfn_range(kvm, range);
	KVM_MMU_UNLOCK(kvm);
	return err;
}

static int unblock_range(struct kvm *kvm, struct kvm_gfn_range *range, void *arg)
{
	KVM_MMU_LOCK(kvm);
	kvm_mmu_unblock_gfn_range(kvm, range);
	KVM_MMU_UNLOCK(kvm);
	return 0;
}

int gmem_step_block(struct gmem_conversion *cnv)
{
	int err = kvm_gmem_for_each_gfn_range(cnv->inode, cnv->start, cnv->end, KVM_FILTER_PRIVATE,
					      block_range, NULL);

	/* What is in slots before the one that failed. */
	if (err)
		gmem_undo_block(cnv);
	return err;
}

void gmem_undo_block(struct gmem_conversion *cnv)
{
	kvm_gmem_for_each_gfn_range(cnv->inode, cnv->start, cnv->end, KVM_FILTER_PRIVATE,
				    unblock_range, NULL);
}
