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

/* True when an IPI goes to the CPU of @vcpu. */
static bool kvm_make_vcpu_request(struct kvm_vcpu *vcpu, unsigned int req)
{
	struct hw *hw = kvm_globals_of(vcpu)->host.hw;

	if (!(req & KVM_REQUEST_NO_ACTION))
		kvm_make_request(req, vcpu);
	if (!kvm_request_needs_ipi(vcpu, req))
		return false;
	/*
	 * The kernel leaves out its own CPU as well: a vCPU cannot be inside there.
	 * Tasks of a race may outnumber CPUs, then one here can.
	 */
	if (vcpu->cpu == -1)
		return false;
	hw->cpu[vcpu->cpu].irq_pending = true;
	return true;
}

/*
 * The handler runs when the vCPU has interrupts on again, which is after it left
 * the guest, also when it was only on its way in.
 */
static void kvm_wait_for_ipi(struct kvm_vcpu *vcpu, u8 me)
{
	while (vcpu->mode != OUTSIDE_GUEST_MODE && vcpu->ipi_waiters & me)
		if (task_spin(env_of(vcpu), "smp_call_function_many_cond",
			      "a vCPU to leave the guest"))
			return;
}

/* True when an IPI was sent. */
bool kvm_make_all_cpus_request(struct kvm *vm, unsigned int req)
{
	u8 me = 1u << env_of(vm)->sched.current;
	struct kvm_vcpu *vcpu;
	u32 called = 0;
	int i;

	kvm_for_each_vcpu(i, vcpu, vm) {
		vcpu->ipi_waiters |= me;
		if (kvm_make_vcpu_request(vcpu, req))
			called |= 1u << i;
		else
			vcpu->ipi_waiters &= ~me;
	}
	if (!called)
		return false;

	task_yield(env_of(vm), YIELD_IPI);
	kvm_for_each_vcpu(i, vcpu, vm) {
		if (called & 1u << i && req & KVM_REQUEST_WAIT)
			kvm_wait_for_ipi(vcpu, me);
		vcpu->ipi_waiters &= ~me;
	}
	return true;
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
