// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting huge leaves of the TDP MMU under mmu_lock(write): 7.3.4's eager
 * splitting (tdp_mmu_split_huge_pages_root() of arch/x86/kvm/mmu/tdp_mmu.c) with
 * what "Dynamic PAMT + S-EPT hugepage" v5 by Sean Christopherson, 28 Jan 2026,
 * patches 37, 38 and 44, adds for mirror roots: a table there also needs an S-EPT
 * page, and the link is a DEMOTE. Pages are got with mmu_lock dropped. Left out:
 * splitting under mmu_lock(read), which only dirty logging asks for.
 */
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"

/*
 * Is the entry the walk stands on one of a mirror? Its table may be read inside
 * an RCU read side only; the kernel's RCU debugging says so, too.
 */
static bool is_mirror_iter(struct kvm *vm, const struct tdp_iter *it)
{
	if (WARN_ON_ONCE(env_of(vm), !vm->arch.mmu.rcu_readers))
		kmsg(env_of(vm), KMSG_WARNING, "tdp_mmu_alloc_sp_for_split",
		     "WARNING: suspicious RCU usage");
	return is_mirror_sp(tdp_iter_sp(it));
}

/* A table for a split, NULL: no memory, nothing kept. Nothing is locked. */
static struct kvm_mmu_page *tdp_mmu_alloc_sp_for_split(struct kvm *vm, bool mirror)
{
	struct env *env = env_of(vm);
	struct page *page, *external = NULL;
	struct kvm_mmu_page *sp;

	if (inject_alloc(env, "mmu_page_header"))
		return NULL;
	page = alloc_page_for(env, GFP_KERNEL_ACCOUNT, "shadow_page");
	if (!page)
		return NULL;
	if (mirror)
		external = alloc_page_for(env, GFP_KERNEL_ACCOUNT, "external_spt");
	if (mirror && !external)
		goto free_page;
	if (mirror && kvm_x86_call(topup_external_cache)(vm, kvm_get_running_vcpu(vm), 1))
		goto free_external;
	sp = tdp_mmu_new_sp(vm, page);
	sp->external_spt = external;
	return sp;

free_external:
	__free_page(external);
free_page:
	__free_page(page);
	return NULL;
}

/*
 * With mmu_lock dropped for as long as it takes. NULL: no memory. The walk starts
 * again, for what it stands on may be gone by now, or split by somebody else.
 */
static struct kvm_mmu_page *tdp_mmu_iter_alloc_sp(struct kvm *vm, struct tdp_iter *it)
{
	bool late = series_bug(vm, SERIES_BUG_MIRROR_AFTER_RCU);
	bool mirror = !late && is_mirror_iter(vm, it);
	struct kvm_mmu_page *sp;

	tdp_mmu_rcu_read_unlock(vm);
	if (late)
		mirror = is_mirror_iter(vm, it);
	write_unlock(&vm->mmu_lock);

	sp = tdp_mmu_alloc_sp_for_split(vm, mirror);

	write_lock(&vm->mmu_lock);
	tdp_mmu_rcu_read_lock(vm);
	it->yielded = true;
	return sp;
}

static int tdp_mmu_split_huge_pages_root(struct kvm *vm, struct kvm_mmu_page *root,
					 gfn_t start, gfn_t end, int target_level)
{
	struct kvm_mmu_page *sp = NULL;
	struct tdp_iter it;
	int err = 0;

	tdp_mmu_rcu_read_lock(vm);
	for_each_tdp_pte_min_level(it, vm, root, target_level + 1, start, end) {
		vm->arch.mmu.split_looked++;
		if (tdp_mmu_iter_cond_resched(vm, &it, false, false))
			continue;
		if (!is_shadow_present_pte(it.old_spte) || !is_large_pte(it.old_spte))
			continue;
		/* Whole inside the range: only a walk of more than one page meets it. */
		if (it.gfn >= start && it.gfn + KVM_PAGES_PER_HPAGE(it.level) <= end)
			continue;
		if (!sp) {
			sp = tdp_mmu_iter_alloc_sp(vm, &it);
			if (sp)
				continue;
			err = -ENOMEM;
			break;
		}
		tdp_mmu_init_child_sp(sp, &it);
		/* Cannot fail: the mirror has changed, an error bugs the VM. */
		tdp_mmu_split_huge_page(vm, &it, sp, false);
		sp = NULL;
	}
	tdp_mmu_rcu_read_unlock(vm);
	/* Somebody else was quicker. */
	if (sp)
		tdp_mmu_free_unused_sp(vm, sp);
	return err;
}

int kvm_tdp_mmu_split_huge_pages(struct kvm *vm, gfn_t start, gfn_t end, int target_level,
				 enum kvm_tdp_mmu_root_types types)
{
	struct kvm_mmu_page *root;
	int err;

	lockdep_assert_held_write(&vm->mmu_lock);
	for_each_tdp_mmu_root_yield_safe(vm, root, types) {
		err = tdp_mmu_split_huge_pages_root(vm, root, start, end, target_level);
		if (!err)
			continue;
		if (!series_bug(vm, SERIES_BUG_LEAK_SPLIT_ROOT))
			kvm_tdp_mmu_put_root(vm, root);
		return err;
	}
	return vm->vm_bugged ? -EIO : 0;
}
