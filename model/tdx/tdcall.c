// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDCALL: judged like a SEAMCALL (reserved bits, version, leaf), answered in
 * one piece, or ended by a TD exit after which the guest executes it again.
 * A loss against host priority reaches the guest as OPERAND_BUSY; who keeps
 * losing for HP_LOCK_TIMEOUT leaves the TD (TDX module 1.5.01).
 *
 * Invented: nothing measures time here, so each such loss counts as one
 * millisecond of waiting.
 */
#include "model/tdx/leaf.h"

#define HP_LOSS_USEC	1000

typedef u64 tdcall_fn(struct call *c);

static tdcall_fn *const tdcall_fn_of[TDX_LEAF_MAX] = {
#define TDCALL_LEAF(number, name, suffix, ...) [number] = suffix,
#include "model/tdx/tdcalls.def"
#undef TDCALL_LEAF
};

static u64 tdcall_dispatch(struct call *c, u64 rax)
{
	u16 leaf = rax & 0xffff;

	if (rax >> 24 || leaf >= TDX_LEAF_MAX || !tdcall_fn_of[leaf])
		return tdx_on(TDX_OPERAND_INVALID, RAX);
	c->version = rax >> 16;
	c->info = &tdx_tdcall_info[leaf];
	if (c->version > c->info->version_max)
		return tdx_on(TDX_OPERAND_INVALID, RAX);
	c->leaf = leaf | TDX_TRACE_TDCALL;
	return tdcall_fn_of[leaf](c);
}

static void trace_tdcall(struct call *c, u64 rax, u64 status, const struct tdx_module_args *in)
{
	struct trace_event event = {
		.kind = TRACE_TDCALL,
		.call = { .rax = rax, .status = status, .in = in, .out = c->regs, .lp = c->lp },
	};

	trace_emit(c->m->env, &event);
}

/* True when the wait has lasted long enough to leave. */
static bool host_priority_wait(struct vcpu *vcpu, u64 *status)
{
	if (TDX_STATUS(*status) != TDX_OPERAND_BUSY_HOST_PRIORITY) {
		vcpu->hp_wait = 0;
		return false;
	}
	*status = TDX_OPERAND_BUSY + TDX_DETAILS(*status);
	vcpu->hp_wait += HP_LOSS_USEC;
	return vcpu->hp_wait >= vcpu->td->hp_lock_timeout;
}

void tdcall_run(struct residence *r, struct guest_op *op)
{
	bool traced = trace_on(r->c->m->env, TRACE_TDCALL), timeout;
	u64 rax = op->rax, status;
	struct tdx_module_args in;
	struct call c;

	if (unlikely(traced))
		in = op->regs;
	/* One by one: clearing all of it would cost more than most TDCALLs. */
	c.m = r->c->m;
	c.regs = &op->regs;
	c.lp = r->c->lp;
	c.td = r->td;
	c.vcpu = r->vcpu;
	c.rcx = op->regs.rcx;
	c.rdx = op->regs.rdx;
	c.alone = call_is_alone(&c);
	c.residence = r;
	c.page = NULL;
	c.locked_table = NULL;
	c.held_end = c.held;
	status = tdcall_dispatch(&c, rax);
	call_release_all(&c);
	if (unlikely(traced))
		trace_tdcall(&c, rax, r->left ? r->status : status, &in);
	if (r->left) {
		op->exits++;
		return;
	}
	timeout = host_priority_wait(r->vcpu, &status);
	if (!status && op->repeat) {
		/* The loop of a guest that accepts a range: the next page, no exit. */
		op->repeat--;
		op->regs.rcx += PAGE_SIZE << (9 * (op->regs.rcx & 7));
		r->vcpu->rip++;
		return;
	}
	op->rax = status;
	guest_op_end(r, op);
	if (timeout) {
		op->exits++;
		exit_hp_timeout(r);
	}
}
