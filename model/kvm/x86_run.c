// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN: from the ioctl into the guest and back, and the hypercall that asks
 * userspace to convert memory (arch/x86/kvm/x86.c, Linux 7.3.4). kvm->srcu is
 * read-held all the way except inside the guest. Left out: interrupt injection,
 * FPU and debug state, the emulator's completions.
 *
 * Invented: the end of a guest operation of the scenario is a signal to the
 * thread that runs the vCPU, so that KVM_RUN returns as it would to a VMM whose
 * timer fired. So is the end of a halted vCPU's sleep.
 */
#include "model/kvm/kvm_host.h"
#include "model/kvm/mmu.h"
#include "model/tdx/guest.h"

/* -- What waits for a vCPU ------------------------------------------------- */

/* Of a guest without a protected APIC, who never halts here, nobody asks it. */
bool kvm_vcpu_has_events(struct kvm_vcpu *v)
{
	return kvm_x86_call(interrupt_allowed)(v) &&
	       kvm_x86_call(protected_apic_has_interrupt)(v);
}

static bool kvm_arch_vcpu_runnable(struct kvm_vcpu *v)
{
	return v->arch.mp_state == KVM_MP_STATE_RUNNABLE || kvm_vcpu_has_events(v);
}

/* -- Exits any vendor's guest may make ------------------------------------- */

/* A TD's local APIC is in the kernel, so halting is no exit to userspace. */
int kvm_emulate_halt_noskip(struct kvm_vcpu *v)
{
	v->arch.mp_state = kvm_vcpu_has_events(v) ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_HALTED;
	return 1;
}

/* No guest's registers are modelled. */
static unsigned long kvm_rip_read(struct kvm_vcpu *v)
{
	kvm_x86_call(cache_reg)(v, VCPU_REGS_RIP);
	return 0;
}

void kvm_prepare_unexpected_reason_exit(struct kvm_vcpu *v, u64 exit_reason)
{
	struct kvm_run *shared = v->run;

	kmsg(env_of(v), KMSG_ERR, __func__,
	     "kvm: vcpu%i, guest rIP: 0x%lx unexpected exit reason 0x%llx", v->vcpu_id,
	     kvm_rip_read(v), (unsigned long long)exit_reason);
	shared->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	shared->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	shared->internal.ndata = 2;
	shared->internal.data[0] = exit_reason;
	shared->internal.data[1] = v->cpu;
}

/* -- The loop -------------------------------------------------------------- */

static bool xfer_to_guest_mode_work_pending(struct kvm_vcpu *vcpu)
{
	return (vcpu->guest_op && vcpu->guest_op->done) || vcpu->arch.sleep_signal ||
	       signal_pending(vcpu);
}

static int xfer_to_guest_mode_handle_work(struct kvm_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	return -EINTR;
}

/* 0, or what KVM_RUN returns. */
static int kvm_service_requests(struct kvm_vcpu *v)
{
	/* Tested, never cleared: the VM stays dead. */
	if (kvm_test_request(KVM_REQ_VM_DEAD, v))
		return -EIO;
	if (kvm_check_request(KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, v))
		kvm_mmu_free_obsolete_roots(v);
	if (kvm_check_request(KVM_REQ_TLB_FLUSH, v))
		kvm_x86_call(flush_tlb_all)(v);
	return 0;
}

static bool kvm_vcpu_exit_request(struct kvm_vcpu *vcpu)
{
	return vcpu->mode == EXITING_GUEST_MODE || kvm_request_pending(vcpu) ||
	       xfer_to_guest_mode_work_pending(vcpu);
}

/* What waited runs its handler now: there is nothing to do but to have come out. */
static void local_irq_enable(struct kvm_vcpu *vcpu)
{
	bool *pending = &kvm_globals_of(vcpu)->host.hw->cpu[vcpu->cpu].irq_pending;

	vcpu->ipi_waiters = 0;
	if (*pending) {
		*pending = false;
		env_of(vcpu)->sched.progress++;
	}
}

/* > 0 go on, 0 out to userspace, < 0 out with an error. */
static int vcpu_enter_guest(struct kvm_vcpu *v)
{
	enum exit_fastpath_completion exit_fastpath;
	struct lock *srcu = &v->kvm->srcu;
	int err = 0;

	if (unlikely(kvm_request_pending(v)))
		err = kvm_service_requests(v);
	if (!err)
		err = kvm_mmu_reload(v);
	if (unlikely(err))
		return err;

	/*
	 * Interrupts are off from here on. Whoever makes a request writes it before
	 * he looks at the mode, and the mode is written here before the requests
	 * are looked at again.
	 */
	v->mode = IN_GUEST_MODE;
	srcu_read_unlock(srcu);
	if (unlikely(kvm_vcpu_exit_request(v))) {
		v->mode = OUTSIDE_GUEST_MODE;
		local_irq_enable(v);
		srcu_read_lock(srcu);
		return 1;
	}

	exit_fastpath = kvm_x86_call(vcpu_run)(v, 0);
	v->arch.last_vmentry_cpu = v->cpu;

	v->mode = OUTSIDE_GUEST_MODE;
	local_irq_enable(v);
	srcu_read_lock(srcu);

	if (exit_fastpath == EXIT_FASTPATH_EXIT_HANDLED &&
	    task_spin(env_of(v), "vcpu_enter_guest", "the module to let the vCPU in"))
		return -EINTR;
	return kvm_x86_call(handle_exit)(v, exit_fastpath);
}

/* Is there a reason not to sleep (any more)? No request is one. */
static bool kvm_vcpu_check_block(struct kvm_vcpu *v)
{
	return kvm_arch_vcpu_runnable(v) || xfer_to_guest_mode_work_pending(v);
}

/* Others run meanwhile. A signal ends the sleep when nothing else does. */
static void kvm_vcpu_block(struct kvm_vcpu *v)
{
	if (kvm_vcpu_check_block(v))
		return;
	task_yield(env_of(v), YIELD_RETRY);
	if (!kvm_vcpu_check_block(v))
		v->arch.sleep_signal = true;
}

/* Every sleep is a short one, so all but the first are preceded by one look. */
static void kvm_vcpu_halt(struct kvm_vcpu *v)
{
	bool polls = v->arch.halt_polls;

	v->arch.halt_polls = true;
	if (!polls || !kvm_vcpu_check_block(v))
		kvm_vcpu_block(v);
}

static int vcpu_block(struct kvm_vcpu *v)
{
	struct lock *srcu = &v->kvm->srcu;

	if (!kvm_arch_vcpu_runnable(v)) {
		srcu_read_unlock(srcu);
		kvm_vcpu_halt(v);
		srcu_read_lock(srcu);
		/* Then it was the signal, and the vCPU stays halted. */
		if (!kvm_arch_vcpu_runnable(v))
			return 1;
	}
	v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
	return 1;
}

/* Re-entries after which somebody else has to do something, or it is a hang. */
#define VCPU_REENTRIES	64

/* A guest that sweeps a range exits at each page and waits for nobody. */
static bool guest_got_on(const struct kvm_vcpu *v, u32 *pages_left)
{
	u32 left = v->guest_op ? v->guest_op->repeat : 0;
	bool moved = left != *pages_left;

	*pages_left = left;
	return moved;
}

static int vcpu_run(struct kvm_vcpu *v)
{
	u32 entries = 0, pages_left = v->guest_op ? v->guest_op->repeat : 0;
	int err;

	v->run->exit_reason = KVM_EXIT_UNKNOWN;
	for (;; entries++) {
		if (unlikely(entries == VCPU_REENTRIES)) {
			entries = 0;
			if (!guest_got_on(v, &pages_left) &&
			    task_spin(env_of(v), "kvm_arch_vcpu_ioctl_run",
				      "the guest to get past its exit"))
				return -EINTR;
		}
		if (likely(v->arch.mp_state == KVM_MP_STATE_RUNNABLE))
			err = vcpu_enter_guest(v);
		else
			err = vcpu_block(v);
		if (err <= 0)
			return err;
		if (xfer_to_guest_mode_work_pending(v))
			return xfer_to_guest_mode_handle_work(v);
	}
}

/* What the last exit left to be done, and whether a vCPU may run at all. */
static int kvm_prepare_run(struct kvm_vcpu *v)
{
	int (*complete)(struct kvm_vcpu *v) = v->arch.complete_userspace_io;

	if (unlikely(v->arch.mp_state == KVM_MP_STATE_UNINITIALIZED)) {
		/* Waits for a start that never comes here; a signal ends it. */
		v->run->exit_reason = KVM_EXIT_INTR;
		return -EINTR;
	}
	if (complete) {
		int done;

		v->arch.complete_userspace_io = NULL;
		done = complete(v);
		if (done <= 0)
			return done;
	}
	if (v->run->immediate_exit)
		return -EINTR;
	if (kvm_x86_call(vcpu_needs_initialization)(v))
		return -EINVAL;
	return 1;
}

int kvm_arch_vcpu_ioctl_run(struct kvm_vcpu *v)
{
	struct lock *srcu = &v->kvm->srcu;
	int err;

	v->arch.sleep_signal = false;
	vcpu_load(v);
	srcu_read_lock(srcu);
	err = kvm_prepare_run(v);
	if (err > 0)
		err = vcpu_run(v);
	srcu_read_unlock(srcu);
	vcpu_put(v);
	return err;
}

/*
 * A hypercall of the guest. 1: *@ret is the answer. 0: userspace answers, in
 * run->hypercall.ret, and @complete goes on from there.
 */
int ____kvm_emulate_hypercall(struct kvm_vcpu *vcpu, u64 nr, const u64 args[4],
			      int (*complete)(struct kvm_vcpu *), s64 *ret)
{
	struct kvm_run *run = vcpu->run;
	gfn_t gfn = gpa_to_gfn(args[0]);

	*ret = -KVM_ENOSYS;
	if (nr != KVM_HC_MAP_GPA_RANGE ||
	    !(vcpu->kvm->arch.hypercall_exit_enabled & BIT_ULL(KVM_HC_MAP_GPA_RANGE)))
		return 1;

	*ret = -KVM_EINVAL;
	if (!IS_ALIGNED(args[0], PAGE_SIZE) || !args[1] || gfn + args[1] <= gfn)
		return 1;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = args[0];
	run->hypercall.args[1] = args[1];
	run->hypercall.args[2] = args[2];
	run->hypercall.flags = KVM_EXIT_HYPERCALL_LONG_MODE;
	/* 0 says success, should userspace not write anything. */
	run->hypercall.ret = 0;
	vcpu->arch.complete_userspace_io = complete;
	return 0;
}
