// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zero-step defence: a guest that faults on private GPAs again and again at one
 * instruction is not entered until every such GPA is mapped. Threshold, list
 * and outcomes after the TDX module 1.5.01, its trap included: a PENDING entry
 * counts as still faulting.
 *
 * Left out: the single-step defence, which has no bearing on memory.
 */
#include "model/tdx/leaf.h"

void stepping_note_progress(struct vcpu *vcpu)
{
	if (vcpu->rip == vcpu->rip_at_entry)
		return;
	vcpu->epf_count = 0;
	vcpu->epf_gpa_count = 0;
}

void stepping_log_fault(struct residence *r, gpa_t gpa)
{
	struct vcpu *vcpu = r->vcpu;

	vcpu->last_exit_was_private_epf = true;
	if (!r->c->m->config.zero_step)
		return;
	stepping_note_progress(vcpu);
	if (vcpu->epf_count < STEPPING_EPF_THRESHOLD) {
		vcpu->epf_count++;
		return;
	}
	for (u32 i = 0; i < vcpu->epf_gpa_count; i++)
		if (vcpu->epf_gpa[i] == gpa)
			return;
	if (vcpu->epf_gpa_count < STEPPING_GPA_MAX)
		vcpu->epf_gpa[vcpu->epf_gpa_count++] = gpa;
}

/* The first listed GPA the guest still cannot use, ~0 when there is none. */
static gpa_t still_faulting(struct call *c)
{
	const struct vcpu *vcpu = c->vcpu;
	struct sept_pos at;

	for (u32 i = 0; i < vcpu->epf_gpa_count; i++) {
		sept_walk(c->m, c->td, vcpu->epf_gpa[i], 0, &at);
		if (!sept_is_leaf(at.value) || (at.value & SEPT_RWX) != SEPT_RWX)
			return vcpu->epf_gpa[i];
	}
	return ~0ULL;
}

/* The guest asked to be told that the host is zero-stepping it. */
static void notify_guest(struct call *c)
{
	struct residence r = { .c = c, .vcpu = c->vcpu, .td = c->td };
	struct guest_op *op = c->vcpu->op;

	if (op && !op->done && c->td->notify_enables & TD_NOTIFY_ZERO_STEP &&
	    c->vcpu->last_exit_was_private_epf && !c->vcpu->ve.valid)
		guest_inject_ve(&r, op, c->vcpu->epf_gpa[0], 0);
}

u64 stepping_filter(struct call *c)
{
	struct tdx_module_args *regs = c->regs;
	gpa_t gpa;

	c->scratch = TDX_SUCCESS;
	if (!c->vcpu->epf_gpa_count) {
		c->vcpu->last_exit_was_private_epf = false;
		return TDX_SUCCESS;
	}
	if (!sx_lock_ex(&c->td->tree_lock))
		return enter_reverted(c, tdx_on(TDX_OPERAND_BUSY, SEPT_TREE));
	call_holds(c, &c->td->tree_lock, HELD_SX_EX);
	gpa = still_faulting(c);
	if (gpa == ~0ULL) {
		notify_guest(c);
		c->vcpu->last_exit_was_private_epf = false;
		return TDX_SUCCESS;
	}
	*regs = (struct tdx_module_args){ .rcx = 2, .r8 = gpa };
	c->scratch = TDX_SUCCESS + TDX_EXIT_EPT_VIOLATION;
	enter_reverted(c, TDX_SUCCESS);
	return TDX_SUCCESS;
}
