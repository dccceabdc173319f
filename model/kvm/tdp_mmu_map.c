// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a fault in the TDP MMU (arch/x86/kvm/mmu/tdp_mmu.c, Linux 7.3.4): the
 * walk that adds missing tables, linking a table (for a mirror root that is
 * TDH.MEM.SEPT.ADD), the leaf (TDH.MEM.PAGE.ADD or AUG), and the entry point
 * for a TD's initial memory. Left out: NX huge page workaround, eager splitting
 * for dirty logging, which guest_memfd slots do not have. Huge mirror leaves after
 * "TDX huge pages" v3 by Yan Zhao, 6 Jan 2026: a fault neither splits nor merges.
 */
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"

/* Fill the entry the walk stands on with table @sp. 0, -EBUSY or -EIO. */
static int tdp_mmu_link_sp(struct kvm *vm, struct tdp_iter *iter,
			   struct kvm_mmu_page *sp, bool shared)
{
	u64 spte = make_nonleaf_spte(page_to_pfn(sp->spt_page), sp->role.ad_disabled);
	int ret = 0;

	if (shared) {
		ret = tdp_mmu_set_spte_atomic(vm, iter, spte);
		if (ret)
			return ret;
	} else {
		tdp_mmu_iter_set_spte(vm, iter, spte);
	}
	vm->arch.mmu.tdp_mmu_pages++;
	return 0;
}

void tdp_mmu_init_child_sp(struct kvm_mmu_page *sp, const struct tdp_iter *iter)
{
	sp->role = tdp_iter_sp(iter)->role;
	sp->role.level--;
	sp->gfn = iter->gfn;
	sp->ptep = iter->sptep;
	sp->tdp_mmu_page = true;
}

/* The table below the entry the walk stands on; NULL: the host is down. */
static struct kvm_mmu_page *tdp_mmu_alloc_child_sp(struct kvm_vcpu *v, struct tdp_iter *iter)
{
	struct kvm_mmu_page *sp = tdp_mmu_alloc_sp(v);

	if (!sp)
		return NULL;
	tdp_mmu_init_child_sp(sp, iter);
	if (is_mirror_sp(sp))
		kvm_mmu_alloc_external_spt(v, sp);
	return sp;
}

int tdp_mmu_split_huge_page(struct kvm *vm, struct tdp_iter *iter,
			    struct kvm_mmu_page *sp, bool shared)
{
	u64 huge_spte = iter->old_spte;
	int level = iter->level;
	int i, ret;

	for (i = 0; i < SPTE_ENT_PER_PAGE; i++)
		sp->spt[i] = make_small_spte(huge_spte, sp->role, i);
	ret = tdp_mmu_link_sp(vm, iter, sp, shared);
	if (ret)
		return ret;
	if (is_mirror_sp(sp) && series_bug(vm, SERIES_BUG_SPLIT_TWICE))
		kvm_x86_call(set_external_spte)(vm, iter->gfn, huge_spte,
						tdp_iter_read(iter->sptep), level);
	/* The parent's entry was counted off when it stopped being a leaf. */
	vm->arch.mmu.pages[level - 2] += SPTE_ENT_PER_PAGE;
	return 0;
}

/* A table for the entry that is in the way. RET_PF_CONTINUE: go on down. */
static __noinline int tdp_mmu_map_table(struct kvm_vcpu *v, struct tdp_iter *iter)
{
	struct kvm_mmu_page *sp = tdp_mmu_alloc_child_sp(v, iter);
	struct kvm *vm = v->kvm;
	int ret;

	if (!sp)
		return RET_PF_RETRY;
	if (is_shadow_present_pte(iter->old_spte)) {
		/* A DEMOTE that is busy could not be taken back under mmu_lock(read). */
		KVM_BUG_ON(is_mirror_sp(sp), vm);
		ret = tdp_mmu_split_huge_page(vm, iter, sp, true);
	} else {
		ret = tdp_mmu_link_sp(vm, iter, sp, true);
	}
	if (!ret)
		return RET_PF_CONTINUE;
	tdp_mmu_free_unused_sp(vm, sp);
	return RET_PF_RETRY;
}

/* May the access go ahead with the entry as it is? */
static bool is_access_allowed(const struct kvm_page_fault *fault, u64 spte)
{
	if (fault->exec)
		return is_executable_pte(spte);
	if (fault->write)
		return is_writable_pte(spte);
	return spte & VMX_EPT_READABLE_MASK;
}

static u64 fault_to_spte(struct kvm *vm, const struct kvm_page_fault *fault, int level)
{
	if (unlikely(!fault->slot))
		return make_mmio_spte(&vm->arch.mmu, fault->gfn);
	return make_spte(fault->pfn, level, fault->prefetch, fault->map_writable);
}

static int tdp_mmu_map_handle_target_level(struct kvm_vcpu *v,
					   struct kvm_page_fault *fault,
					   struct tdp_iter *iter)
{
	struct kvm_mmu_page *sp = tdp_iter_sp(iter);
	struct env *env = env_of(v);
	u64 new_spte;
	bool same;

	if (WARN_ON_ONCE(env, sp->role.level != fault->goal_level))
		return RET_PF_RETRY;

	if (is_shadow_present_leaf(iter->old_spte, iter->level) &&
	    (fault->prefetch || is_access_allowed(fault, iter->old_spte))) {
		WARN_ON_ONCE(env, fault->pfn != spte_to_pfn(iter->old_spte));
		return RET_PF_SPURIOUS;
	}

	new_spte = fault_to_spte(v->kvm, fault, iter->level);
	/* An entry that is there already still has to be emulated or refused, below. */
	same = new_spte == iter->old_spte;
	if (!same && tdp_mmu_set_spte_atomic(v->kvm, iter, new_spte))
		return RET_PF_RETRY;
	if (is_shadow_present_pte(iter->old_spte) && !is_last_spte(iter->old_spte, iter->level))
		kvm_flush_remote_tlbs_range(v->kvm, iter->gfn,
					    KVM_PAGES_PER_HPAGE(iter->level));

	if (unlikely(!fault->slot))
		return RET_PF_EMULATE;
	/* A read-only slot gives a read-only entry. */
	if (fault->write && !is_writable_pte(new_spte))
		return RET_PF_WRITE_PROTECTED;
	return same ? RET_PF_SPURIOUS : RET_PF_FIXED;
}

/*
 * A mirror leaf larger than the fault may make maps the address already, as after
 * a folio was split before the S-EPT was. It gives all permissions there are.
 */
static bool mirror_leaf_serves(const struct tdp_iter *iter, const struct kvm_page_fault *fault)
{
	return iter->level > fault->goal_level && is_mirror_sp(tdp_iter_sp(iter)) &&
	       is_shadow_present_pte(iter->old_spte) && is_large_pte(iter->old_spte);
}

/*
 * A table is never replaced by a leaf in a mirror: PROMOTE wants all 512 entries
 * alike and blocked first, which a fault cannot do. Go on with the small page.
 */
static void mirror_promotion_adjust(const struct tdp_iter *iter, struct kvm_page_fault *fault)
{
	u64 mask;

	if (likely(fault->goal_level == PG_LEVEL_4K) || !is_mirror_sp(tdp_iter_sp(iter)) ||
	    !is_shadow_present_pte(iter->old_spte) || is_large_pte(iter->old_spte))
		return;
	mask = KVM_PAGES_PER_HPAGE(fault->goal_level) -
	       KVM_PAGES_PER_HPAGE(fault->goal_level - 1);
	fault->pfn |= fault->gfn & mask;
	fault->goal_level--;
}

/*
 * Walk down to goal_level, adding tables. CONTINUE: @iter stands on the entry.
 * Neighbouring faults end in one table, so the last one is tried first.
 */
static int tdp_mmu_map_walk(struct kvm_vcpu *v, struct kvm_page_fault *fault,
			    struct kvm_mmu_page *root, struct tdp_iter *iter)
{
	struct kvm *vm = v->kvm;
	struct tdp_walk_cache *walked = &vm->arch.mmu.walked[is_mirror_sp(root)];

	if (walked->root == root && walked->region == fault->gfn >> 9 &&
	    fault->goal_level == PG_LEVEL_4K) {
		tdp_iter_start_at(iter, walked->table, fault->gfn);
		return is_frozen_spte(iter->old_spte) ? RET_PF_RETRY : RET_PF_CONTINUE;
	}
	for_each_tdp_pte(*iter, vm, root, fault->gfn, fault->gfn + 1) {
		/* Its owner is still talking to the module. */
		if (is_frozen_spte(iter->old_spte))
			return RET_PF_RETRY;
		if (unlikely(mirror_leaf_serves(iter, fault)))
			return RET_PF_SPURIOUS;
		if (iter->level == fault->goal_level)
			mirror_promotion_adjust(iter, fault);
		if (iter->level == fault->goal_level) {
			if (iter->level == PG_LEVEL_4K)
				*walked = (struct tdp_walk_cache){
					root, tdp_iter_sp(iter), fault->gfn >> 9,
				};
			return RET_PF_CONTINUE;
		}
		if (is_shadow_present_pte(iter->old_spte) && !is_large_pte(iter->old_spte))
			continue;
		if (tdp_mmu_map_table(v, iter) != RET_PF_CONTINUE)
			return RET_PF_RETRY;
	}
	/* A table vanished under the walk. */
	return RET_PF_RETRY;
}

int kvm_tdp_mmu_map(struct kvm_vcpu *v, struct kvm_page_fault *fault)
{
	struct kvm *vm = v->kvm;
	bool direct = kvm_is_addr_direct(vm, fault->addr);
	struct kvm_mmu_page *root;
	struct tdp_iter iter;
	int ret;

	root = root_to_sp(vm, direct ? v->arch.mmu.root.hpa : v->arch.mmu.mirror_root_hpa);
	kvm_mmu_hugepage_adjust(v, fault);

	tdp_mmu_rcu_read_lock(vm);
	ret = tdp_mmu_map_walk(v, fault, root, &iter);
	if (ret == RET_PF_CONTINUE)
		ret = tdp_mmu_map_handle_target_level(v, fault, &iter);
	tdp_mmu_rcu_read_unlock(vm);
	return ret;
}

int kvm_tdp_mmu_map_private_pfn(struct kvm_vcpu *v, gfn_t gfn, kvm_pfn_t pfn)
{
	struct kvm_page_fault fault = {
		.addr = gfn_to_gpa(gfn),
		.error_code = PFERR_PRIVATE_ACCESS | PFERR_GUEST_FINAL_MASK,
		.prefetch = true,
		.is_private = true,
		.max_level = PG_LEVEL_4K,
		.req_level = PG_LEVEL_4K,
		.goal_level = PG_LEVEL_4K,
		.gfn = gfn,
		.slot = gfn_to_memslot(v->kvm, gfn),
		.pfn = pfn,
		.map_writable = true,
	};
	struct kvm *vm = v->kvm;
	struct env *env = env_of(vm);
	int r;

	lockdep_assert_held(&vm->slots_lock);
	if (WARN_ON_ONCE(env, !kvm_slot_has_gmem(fault.slot)))
		return -EINVAL;

	r = kvm_mmu_reload(v);
	if (r)
		return r;
	/* Once for all rounds: a round that fails uses pages up. */
	r = mmu_topup_memory_caches(v, false);
	if (r)
		return r;
	do {
		if (signal_pending(vm))
			return -EINTR;
		if (kvm_test_request(KVM_REQ_VM_DEAD, v))
			return -EIO;
		task_yield(env, YIELD_RETRY);

		read_lock(&vm->mmu_lock);
		r = kvm_tdp_mmu_map(v, &fault);
		read_unlock(&vm->mmu_lock);
	} while (r == RET_PF_RETRY &&
		 !task_spin(env, "kvm_tdp_mmu_map_private_pfn", "the module to take the page"));

	return r == RET_PF_FIXED ? 0 : -EIO;
}
