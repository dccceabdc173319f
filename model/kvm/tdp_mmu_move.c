// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TDP MMU's part of moving a TD to another VM: the mirror root with all below
 * it changes hands ("TDX intra-host migration", RFC v2, S. Shahar and R. Afranji,
 * 11 June 2025: the mirror pages are moved, not copied). The S-EPT itself stays
 * where it is. Whether the new VM has slots for what is mapped is not asked: the
 * cover of the link series (August 2023) tells userspace to link and to set the
 * slots first.
 */
#include "model/kvm/tdp_mmu.h"

static void move_table(struct kvm *to, struct kvm *from, struct kvm_mmu_page *sp)
{
	const u64 *entry = sp->spt, *end = entry + SPTE_ENT_PER_PAGE;

	sp->kvm = to;
	for (; entry < end; entry++) {
		u64 spte = *entry;

		if (!is_shadow_present_pte(spte))
			continue;
		if (is_last_spte(spte, sp->role.level)) {
			from->arch.mmu.pages[sp->role.level - 1]--;
			to->arch.mmu.pages[sp->role.level - 1]++;
			continue;
		}
		from->arch.mmu.tdp_mmu_pages--;
		to->arch.mmu.tdp_mmu_pages++;
		move_table(to, from, spte_to_child_sp(from->arch.mmu.host, spte));
	}
}

/* Neither VM runs; the vCPUs correspond by place and hold a reference each. */
void kvm_tdp_mmu_move_mirror_roots_from(struct kvm *to, struct kvm *from)
{
	struct kvm_mmu_page *root, *next;
	struct kvm_vcpu *vcpu;
	int i;

	lockdep_assert_held(&to->slots_lock);
	lockdep_assert_held(&from->slots_lock);

	list_for_each_entry_safe(root, next, &from->arch.mmu.tdp_mmu_roots, link) {
		if (!is_mirror_sp(root))
			continue;
		list_del(&root->link);
		list_add(&root->link, &to->arch.mmu.tdp_mmu_roots);
		move_table(to, from, root);
	}
	from->arch.mmu.walked[1] = (struct tdp_walk_cache){ 0 };
	kvm_for_each_vcpu(i, vcpu, from) {
		to->vcpus[i]->arch.mmu.mirror_root_hpa = vcpu->arch.mmu.mirror_root_hpa;
		vcpu->arch.mmu.mirror_root_hpa = INVALID_PAGE;
	}
}
