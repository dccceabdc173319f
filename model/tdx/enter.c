// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.VP.ENTER and the TD exits. Order of checks and epoch bookkeeping after
 * the TDX module 1.5.01: TDVPR and TDR stay locked shared for the whole stay,
 * the operation-state lock goes before the guest runs, the epoch reference is
 * dropped at exit, except after a machine check.
 *
 * Left out: MSR and TSC consistency checks, guest register state beyond the
 * operands of a TDCALL, single-step defence.
 */
#include <string.h>

#include "model/tdx/leaf.h"

#define VP_ENTER_FLAGS		3ULL
#define EXIT_INTR_INFO		0x800000ecULL	/* external interrupt, local timer vector */

/* Count this entry in the TD's epoch; flush what an older epoch left in the TLB. */
static u64 enter_epoch(struct call *c)
{
	struct vcpu *vcpu = c->vcpu;
	struct td *td = c->td;
	struct tdx_module *m = c->m;

	if (!sx_lock_sh(&td->epoch_lock))
		return tdx_on(TDX_OPERAND_BUSY, TD_EPOCH);
	td->refcount[td->epoch & 1]++;
	hp_unlock_sh(&td->epoch_lock);
	if ((vcpu->launched && vcpu->epoch != td->epoch) || m->last_vcpu[c->lp] != vcpu)
		hw_tlb_flush(m->hw, c->lp, td->tdr);
	m->last_vcpu[c->lp] = vcpu;
	vcpu->launched = true;
	vcpu->epoch = td->epoch;
	return TDX_SUCCESS;
}

u64 check_tdh_vp_enter(struct call *c)
{
	CHECK(check_entered_vcpu(c, c->rcx & ~VP_ENTER_FLAGS));
	if (c->vcpu->tdcx_count + 1 < TDX_TDVPS_PAGES)
		return TDX_TDCX_NUM_INCORRECT;
	CHECK(vcpu_associate(c, c->vcpu, false));
	CHECK(enter_epoch(c));
	vcpu_set_state(c, c->vcpu, VCPU_ACTIVE);
	/* From here an interrupt finds the epoch counted: it waits for the exit. */
	c->m->hw->cpu[c->lp].in_guest = true;
	return stepping_filter(c);
}

static void leave_epoch(struct vcpu *vcpu)
{
	vcpu->td->refcount[vcpu->epoch & 1]--;
}

static void left_guest(struct call *c)
{
	struct hw_cpu *cpu = &c->m->hw->cpu[c->lp];

	cpu->in_guest = false;
	cpu->irq_pending = false;
	cpu->waiters = 0;
	c->m->env->sched.progress++;
}

/* The filter refused: the entry never was. */
u64 enter_reverted(struct call *c, u64 status)
{
	leave_epoch(c->vcpu);
	vcpu_set_state(c, c->vcpu, VCPU_READY);
	left_guest(c);
	return status;
}

u64 commit_tdh_vp_enter(struct call *c)
{
	struct residence r = { .c = c, .vcpu = c->vcpu, .td = c->td };
	struct vcpu *vcpu = c->vcpu;

	if (c->scratch)		/* decided by the zero-step filter */
		return c->scratch;
	call_release(c, &c->td->op_state_lock);
	call_release(c, &c->td->tree_lock);
	if (vcpu->last_exit == LAST_EXIT_TDVMCALL)
		tdvmcall_resume(c);
	vcpu->last_exit = LAST_EXIT_ASYNC_FAULT;
	vcpu->rip_at_entry = vcpu->rip;
	guest_run(&r);
	left_guest(c);
	if (!r.lost)
		leave_epoch(vcpu);
	stepping_note_progress(vcpu);
	vcpu_set_state(c, vcpu, r.lost ? VCPU_DISABLED : VCPU_READY);
	if (c->td->fatal && !r.lost)
		r.status = TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE + TDX_DETAILS(r.status);
	return r.status;
}

static void leave(struct residence *r, u64 status)
{
	r->left = true;
	r->status = status;
	memset(r->c->regs, 0, sizeof(*r->c->regs));
}

void exit_interrupt(struct residence *r)
{
	leave(r, TDX_SUCCESS + TDX_EXIT_INTERRUPT);
	r->c->regs->r9 = EXIT_INTR_INFO;
	r->vcpu->last_exit = LAST_EXIT_ASYNC_TRAP;
}

void exit_ept_violation(struct residence *r, gpa_t gpa, u64 qualification, u64 extended)
{
	struct tdx_module_args *regs = r->c->regs;

	leave(r, TDX_SUCCESS + TDX_EXIT_EPT_VIOLATION);
	regs->rcx = qualification;
	regs->rdx = extended;
	regs->r8 = gpa & PAGE_MASK;
	r->vcpu->last_exit = LAST_EXIT_ASYNC_FAULT;
}

/* Registers a TDVMCALL can pass, by their bit in its RCX. */
static u64 *vmcall_register(struct tdx_module_args *regs, u32 bit)
{
	switch (bit) {
	case 2: return &regs->rdx;
	case 3: return &regs->rbx;
	case 6: return &regs->rsi;
	case 7: return &regs->rdi;
	case 8: return &regs->r8;
	case 9: return &regs->r9;
	case 10: return &regs->r10;
	case 11: return &regs->r11;
	case 12: return &regs->r12;
	case 13: return &regs->r13;
	case 14: return &regs->r14;
	case 15: return &regs->r15;
	}
	return NULL;		/* RBP and XMM are not modelled */
}

static void pass_registers(struct tdx_module_args *to, const struct tdx_module_args *from, u64 mask)
{
	for (u32 bit = 0; bit < 16; bit++) {
		u64 *reg = vmcall_register(to, bit);

		if (reg && mask & BIT_ULL(bit))
			*reg = *vmcall_register((struct tdx_module_args *)from, bit);
	}
}

void exit_tdvmcall(struct residence *r, const struct tdx_module_args *regs)
{
	leave(r, TDX_SUCCESS + TDX_EXIT_TDCALL);
	r->c->regs->rcx = regs->rcx;
	pass_registers(r->c->regs, regs, regs->rcx);
	r->vcpu->vmcall_mask = regs->rcx;
	r->vcpu->last_exit = LAST_EXIT_TDVMCALL;
}

void tdvmcall_resume(struct call *c)
{
	struct guest_op *op = c->vcpu->op;

	if (!op || op != c->vcpu->vmcall_op)
		return;
	c->vcpu->vmcall_op = NULL;
	pass_registers(&op->regs, c->regs, c->vcpu->vmcall_mask);
	op->rax = TDX_SUCCESS;
	guest_op_done(op);
}

void exit_machine_check(struct residence *r)
{
	leave(r, TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE);
	r->td->fatal = true;
	r->lost = true;
}

void exit_hp_timeout(struct residence *r)
{
	leave(r, TDX_HOST_PRIORITY_BUSY_TIMEOUT + TDX_EXIT_TDCALL);
	r->vcpu->hp_wait = 0;
	r->vcpu->last_exit = LAST_EXIT_ASYNC_TRAP;
}
