// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge private leaves as the rest of KVM sees them: the border split before a
 * conversion or a hole ("Dynamic PAMT + S-EPT hugepage" v5 by Sean Christopherson,
 * 28 Jan 2026, patches 43 to 45) and the guest's accept level (40, 41). Blocking a whole range before a
 * conversion is an idea of his mail of 2 Oct 2025 that nobody posted as code;
 * all of it here is the model's.
 */
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"

int kvm_split_cross_boundary_leafs(struct kvm *vm, const struct kvm_gfn_range *range)
{
	if (!kvm_has_mirrored_tdp(vm) || kvm_globals_of(vm)->config.sept_huge <= PG_LEVEL_4K ||
	    series_bug(vm, SERIES_BUG_NO_BORDER_SPLIT))
		return 0;
	return kvm_x86_call(split_borders)(vm, range->start, range->end);
}

/* -- What the guest accepts -- */

static void set_inhibit_above(struct kvm_memory_slot *slot, gfn_t gfn, int level)
{
	for (level++; level <= KVM_MAX_HUGEPAGE_LEVEL; level++)
		hugepage_set_guest_inhibit(slot, gfn, level);
}

/*
 * The bit comes last: a vCPU that sees it does not wait for mmu_lock and expects
 * the leaf to be split.
 */
int kvm_mmu_honor_accept_level(struct kvm_vcpu *v, struct kvm_memory_slot *slot,
			       gfn_t gfn, int level)
{
	struct kvm *vm = v->kvm;
	enum kvm_tdp_mmu_root_types types = KVM_MIRROR_ROOTS;
	bool early = series_bug(vm, SERIES_BUG_INHIBIT_FIRST);
	int err;

	if (hugepage_test_guest_inhibit(slot, gfn, level + 1))
		return 0;
	if (series_bug(vm, SERIES_BUG_SPLIT_SHARED_ROOT))
		types = KVM_DIRECT_ROOTS;
	write_lock(&vm->mmu_lock);
	if (early)
		set_inhibit_above(slot, gfn, level);
	err = kvm_tdp_mmu_split_huge_pages(vm, gfn, gfn + 1, level, types);
	if (!err && !early)
		set_inhibit_above(slot, gfn, level);
	write_unlock(&vm->mmu_lock);
	return err;
}

/* -- Blocking a range -- */

typedef int leaf_fn(struct kvm *vm, struct tdp_iter *it);

static int block_leaf(struct kvm *vm, struct tdp_iter *it)
{
	int err = kvm_x86_call(block_external_spte)(vm, it->gfn, it->level);

	if (!err)
		tdp_mmu_mark_spte_blocked(vm, it, true);
	return err;
}

/*
 * A leaf that cannot be unblocked bugs the VM, for the guest never gets it back. It
 * stays marked, so that its removal does not begin with a second BLOCK.
 */
static int unblock_leaf(struct kvm *vm, struct tdp_iter *it)
{
	if (!is_blocked_spte(it->old_spte))
		return 0;
	if (!KVM_BUG_ON(kvm_x86_call(unblock_external_spte)(vm, it->gfn, it->level), vm))
		tdp_mmu_mark_spte_blocked(vm, it, false);
	return 0;
}

static int leaf_blocked(struct kvm *vm, struct tdp_iter *it)
{
	return is_blocked_spte(it->old_spte);
}

/* @fn on each leaf that lies in the range, in mirror roots, to the first that is not 0. */
static int for_each_private_leaf(struct kvm *vm, const struct kvm_gfn_range *range, leaf_fn *fn)
{
	struct kvm_mmu_page *root;
	struct tdp_iter it;
	int err = 0;

	lockdep_assert_held_write(&vm->mmu_lock);
	for_each_tdp_mmu_root_yield_safe(vm, root, KVM_MIRROR_ROOTS) {
		tdp_mmu_rcu_read_lock(vm);
		for_each_tdp_pte(it, vm, root, range->start, range->end) {
			if (!is_shadow_present_leaf(it.old_spte, it.level))
				continue;
			err = fn(vm, &it);
			if (err)
				break;
		}
		tdp_mmu_rcu_read_unlock(vm);
		if (err) {
			kvm_tdp_mmu_put_root(vm, root);
			break;
		}
	}
	return err;
}

int kvm_mmu_block_gfn_range(struct kvm *vm, const struct kvm_gfn_range *range)
{
	int err;

	if (!kvm_has_mirrored_tdp(vm))
		return 0;
	WARN_ON_ONCE(env_of(vm), !vm->mmu_invalidate_in_progress);
	err = for_each_private_leaf(vm, range, block_leaf);
	if (!err)
		err = kvm_x86_call(track_external)(vm);
	if (err)
		kvm_mmu_unblock_gfn_range(vm, range);
	return err;
}

void kvm_mmu_unblock_gfn_range(struct kvm *vm, const struct kvm_gfn_range *range)
{
	if (!kvm_has_mirrored_tdp(vm) || !for_each_private_leaf(vm, range, leaf_blocked))
		return;
	/* UNBLOCK wants what BLOCK left in TLBs to be gone, too. */
	KVM_BUG_ON(kvm_x86_call(track_external)(vm), vm);
	for_each_private_leaf(vm, range, unblock_leaf);
}
