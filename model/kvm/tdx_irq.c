// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether something waits for a TD's guest (arch/x86/kvm/vmx/tdx.c and tdx.h,
 * Linux 7.3.4). A TD's local APIC is in the kernel but its state is the module's:
 * KVM sees the posted-interrupt descriptor, and asks the module about a guest
 * that halted. Left out: delivery, NMIs, wake-up lists of posted interrupts.
 *
 * Invented: beside userspace the chooser (kind irq) posts interrupts.
 */
#include "model/kvm/tdx.h"

#define TD_VCPU_STATE_DETAILS_NON_ARCH	0x100u
#define TDVPS_STATE_NON_ARCH(field)	(0x9100000000000000ULL | (field))
#define TDX_VCPU_STATE_DETAILS_INTR_PENDING	BIT_ULL(0)

static void tdh_vp_rd_failed(struct kvm_vcpu *v, const char *uclass, u32 field, u64 err)
{
	KVM_BUG_ON(1, v->kvm);
	kmsg(env_of(v), KMSG_ERR, __func__, "kvm_intel: TDH_VP_RD[%s.0x%x] failed 0x%llx",
	     uclass, field, (unsigned long long)err);
}

static u64 td_state_non_arch_read64(struct kvm_vcpu *v, u32 field)
{
	u64 data, err = tdh_vp_rd(&to_tdx(v)->vp, TDVPS_STATE_NON_ARCH(field), &data);

	if (likely(!err))
		return data;
	tdh_vp_rd_failed(v, "STATE_NON_ARCH", field, err);
	return 0;
}

/* What was posted stays so until the vCPU enters the guest, which takes it. */
static bool pi_has_pending_interrupt(struct kvm_vcpu *v)
{
	struct vcpu_tdx *tdv = to_tdx(v);

	if (!tdv->pi_on)
		tdv->pi_on = choose(env_of(v), 2, CHOICE_IRQ);
	return tdv->pi_on;
}

/*
 * There is no local APIC of KVM's to put it into. A vCPU in the guest takes it there
 * and then, without an exit; another one finds it on its way in, or is woken by it.
 */
void tdx_deliver_interrupt(struct kvm_vcpu *v)
{
	if (v->mode == IN_GUEST_MODE)
		return;
	to_tdx(v)->pi_on = true;
	env_of(v)->sched.progress++;
}

/* Only a guest that halts tells whether it has its interrupts off: in R12. */
bool tdx_interrupt_allowed(struct kvm_vcpu *v)
{
	const struct vcpu_tdx *tdv = to_tdx(v);

	return tdv->exit_reason != EXIT_REASON_HLT || !tdv->vp_enter_args.r12;
}

bool tdx_protected_apic_has_interrupt(struct kvm_vcpu *v)
{
	if (pi_has_pending_interrupt(v))
		return true;
	/* What came before any other exit is blocked, or the guest had taken it. */
	if (to_tdx(v)->exit_reason != EXIT_REASON_HLT || to_tdx(v)->vp_enter_args.r12)
		return false;
	return td_state_non_arch_read64(v, TD_VCPU_STATE_DETAILS_NON_ARCH) &
	       TDX_VCPU_STATE_DETAILS_INTR_PENDING;
}
