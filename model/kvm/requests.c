// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to vCPUs and the IPIs that carry them: virt/kvm/kvm_main.c, Linux
 * 7.3.4. The request word is written before the mode is looked at, and a vCPU
 * publishes its mode before it looks at the word, so that a request is seen or
 * an IPI is sent. Left out: waking a halted vCPU (no request here asks for it:
 * all of them say NO_WAKEUP) and single-vCPU kicks of interrupt delivery.
 */
#include "model/kvm/kvm_host.h"

/* The old mode; a vCPU inside the guest is told to come out. */
static int kvm_vcpu_exiting_guest_mode(struct kvm_vcpu *vcpu)
{
	int mode = vcpu->mode;

	if (mode == IN_GUEST_MODE)
		vcpu->mode = EXITING_GUEST_MODE;
	return mode;
}

static bool kvm_request_needs_ipi(struct kvm_vcpu *v, unsigned int req)
{
	int mode = kvm_vcpu_exiting_guest_mode(v);

	/* Whoever waits must also wait for a vCPU that is on its way out. */
	if (req & KVM_REQUEST_WAIT)
		return mode != OUTSIDE_GUEST_MODE;
	return mode == IN_GUEST_MODE;
}

static void kvm_make_vcpu_request(struct kvm_vcpu *vcpu, unsigned int req, u64 *cpus)
{
	struct hw *hw = kvm_globals_of(vcpu)->host.hw;

	if (!(req & KVM_REQUEST_NO_ACTION))
		kvm_make_request(req, vcpu);
	if (!kvm_request_needs_ipi(vcpu, req))
		return;
	if (vcpu->cpu == -1 || vcpu->cpu == smp_processor_id(vcpu))
		return;
	*cpus |= BIT_ULL(vcpu->cpu);
	/* On its way in with interrupts off: the entry ends before it begins. */
	hw->cpu[vcpu->cpu].irq_pending = true;
}

/* True when an IPI was sent. */
bool kvm_make_all_cpus_request(struct kvm *vm, unsigned int req)
{
	struct kvm_vcpu *vcpu;
	u64 cpus = 0;
	int i;

	kvm_for_each_vcpu(i, vcpu, vm)
		kvm_make_vcpu_request(vcpu, req, &cpus);
	if (cpus)
		hw_ipi_wait(env_of(vm), kvm_globals_of(vm)->host.hw, cpus);
	return cpus;
}

/* VMX has no remote-flush operation of its own, so this is always a request. */
void kvm_flush_remote_tlbs(struct kvm *vm)
{
	kvm_make_all_cpus_request(vm, KVM_REQ_TLB_FLUSH);
}

void kvm_flush_remote_tlbs_range(struct kvm *vm, gfn_t gfn, u64 nr_pages)
{
	kvm_flush_remote_tlbs(vm);
}

void kvm_flush_remote_tlbs_memslot(struct kvm *kvm, const struct kvm_memory_slot *slot)
{
	lockdep_assert_held(&kvm->slots_lock);
	kvm_flush_remote_tlbs_range(kvm, slot->base_gfn, slot->npages);
}
