// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest of an ordinary VM (KVM_X86_DEFAULT_VM, KVM_X86_SW_PROTECTED_VM): one
 * access at a time through the direct root, with an EPT violation where nothing
 * is mapped (arch/x86/kvm/vmx/vmx.c and common.h, Linux 7.3.4, cut down to that).
 * Invented: the access itself, which a CPU would make. Such a guest has no
 * TDCALL: it takes #UD.
 */
#include "model/kvm/mmu.h"
#include "model/kvm/spte.h"
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/vmx.h"
#include "model/tdx/guest.h"

#define VECTOR_UD	6

/*
 * The hpa behind @gpa, ~0 when the tables do not say: an exit, by a misconfigured
 * entry where KVM has put one for MMIO.
 */
static hpa_t walk_direct_root(struct kvm_vcpu *vcpu, gpa_t gpa, bool write)
{
	struct kvm_mmu_page *sp = root_to_sp(vcpu->kvm, vcpu->arch.mmu.root.hpa);
	int level = sp->role.level;

	for (;; level--) {
		u64 index = gpa_to_gfn(gpa) >> KVM_HPAGE_GFN_SHIFT(level);
		u64 spte = sp->spt[index & (SPTE_ENT_PER_PAGE - 1)];
		u64 size = KVM_PAGES_PER_HPAGE(level) << PAGE_SHIFT;

		vcpu->arch.ept_misconfig = is_mmio_spte(&vcpu->kvm->arch.mmu, spte);
		if (!is_shadow_present_pte(spte) || (write && !is_writable_pte(spte)))
			return ~0ULL;
		if (is_last_spte(spte, level))
			return pfn_to_hpa(spte_to_pfn(spte)) | (gpa & (size - 1));
		sp = spte_to_child_sp(vcpu->kvm->arch.mmu.host, spte);
	}
}

static void guest_access(struct kvm_vcpu *vcpu, struct guest_op *op)
{
	struct hw *hw = kvm_globals_of(vcpu)->host.hw;
	bool write = op->kind == GUEST_WRITE;
	hpa_t hpa = walk_direct_root(vcpu, op->gpa, write);

	vcpu->arch.ept_violation = hpa == ~0ULL;
	if (vcpu->arch.ept_violation) {
		op->exits++;
		return;
	}
	if (write)
		hw_write(hw, hpa & PAGE_MASK, KEYID_SHARED, op->value);
	else
		hw_read(hw, hpa & PAGE_MASK, KEYID_SHARED, &op->value);
	guest_op_done(op);
}

enum exit_fastpath_completion vmx_vcpu_run(struct kvm_vcpu *vcpu)
{
	struct guest_op *op = vcpu->guest_op;

	vcpu->arch.ept_violation = false;
	if (!op || op->done)
		return EXIT_FASTPATH_NONE;
	task_yield(env_of(vcpu), YIELD_GUEST);

	switch (op->kind) {
	case GUEST_READ:
	case GUEST_WRITE:
		guest_access(vcpu, op);
		break;
	case GUEST_TDCALL:
		op->fault = VECTOR_UD;
		guest_op_done(op);
		break;
	default:
		guest_op_done(op);
	}
	return EXIT_FASTPATH_NONE;
}

int vmx_handle_exit(struct kvm_vcpu *vcpu)
{
	const struct guest_op *op = vcpu->guest_op;

	if (!vcpu->arch.ept_violation)
		return 1;
	if (vcpu->arch.ept_misconfig)
		return kvm_mmu_page_fault(vcpu, op->gpa, PFERR_RSVD_MASK);
	return kvm_mmu_page_fault(vcpu, op->gpa, PFERR_GUEST_FINAL_MASK |
				  (op->kind == GUEST_WRITE ? PFERR_WRITE_MASK : 0));
}
