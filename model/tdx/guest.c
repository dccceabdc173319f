// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest while it is inside: one operation at a time, through the TLB, the
 * Secure EPT or the host's shared EPT. EPT-violation handling after the TDX
 * module 1.5.01: #VE or exit type 6 for pending pages, a plain exit for the
 * rest, #PF for GPAs beyond the shared bit.
 *
 * Reduced: there are no instructions; vcpu->rip counts finished operations.
 */
#include "model/tdx/leaf.h"

#define EPT_VIOLATION_READ	BIT_ULL(0)
#define EPT_VIOLATION_WRITE	BIT_ULL(1)
#define EPT_VIOLATION_RWX_SHIFT	3
#define EXCEPTION_DF		8
#define EXCEPTION_PF		14
#define TDVMCALL_HLT_MASK	0xfc00ULL	/* R10..R15 */

void guest_op_end(struct residence *r, struct guest_op *op)
{
	r->vcpu->rip++;
	guest_op_done(op);
}

void guest_inject_ve(struct residence *r, struct guest_op *op, gpa_t gpa, u64 qualification)
{
	struct vcpu_ve_info *ve = &r->vcpu->ve;

	if (ve->valid) {
		op->fault = EXCEPTION_DF;
	} else {
		*ve = (struct vcpu_ve_info){
			.valid = true,
			.exit_reason = TDX_EXIT_EPT_VIOLATION,
			.exit_qualification = qualification,
			.gpa = gpa,
		};
		op->ve = true;
	}
	guest_op_end(r, op);
}

static void access_frame(struct residence *r, struct guest_op *op, hpa_t hpa, u16 keyid)
{
	struct hw *hw = r->c->m->hw;
	enum hw_access access;

	if (op->kind == GUEST_WRITE)
		access = hw_write(hw, hpa, keyid, op->value);
	else
		access = hw_read(hw, hpa, keyid, &op->value);
	if (access == HW_MC) {
		op->exits++;
		exit_machine_check(r);
		return;
	}
	guest_op_end(r, op);
}

static void access_shared(struct residence *r, struct guest_op *op)
{
	struct tdx_module *m = r->c->m;
	bool write = op->kind == GUEST_WRITE;
	u64 qualification = write ? EPT_VIOLATION_WRITE : EPT_VIOLATION_READ;
	hpa_t hpa = TDX_SHARED_VIOLATION;

	if (m->shared_walk)
		hpa = m->shared_walk(m->shared_walk_ctx, r->td->tdr, op->gpa, write);
	if (hpa == TDX_SHARED_VE) {
		guest_inject_ve(r, op, op->gpa, qualification);
		return;
	}
	if (hpa == TDX_SHARED_VIOLATION) {
		op->exits++;
		exit_ept_violation(r, op->gpa, qualification, EXT_NONE);
		return;
	}
	access_frame(r, op, hpa & PAGE_MASK, KEYID_SHARED);
}

static void private_violation(struct residence *r, struct guest_op *op, const struct sept_pos *at)
{
	u64 qualification = op->kind == GUEST_WRITE ? EPT_VIOLATION_WRITE : EPT_VIOLATION_READ;
	u64 extended = EXT_NONE;

	qualification |= (at->value & SEPT_RWX) << EPT_VIOLATION_RWX_SHIFT;
	if (at->state < SEPT_STATE_NR && sept_state_info[at->state].reach == REACH_PENDING) {
		if (!(r->td->td_ctls & TD_CTLS_PENDING_VE_DISABLE)) {
			guest_inject_ve(r, op, op->gpa, qualification);
			return;
		}
		extended = EXT_PENDING;
	}
	stepping_log_fault(r, op->gpa & PAGE_MASK);
	op->exits++;
	exit_ept_violation(r, op->gpa, qualification, extended);
}

/* A TLB hit is served without a look at the tables: it must still be the TD's page. */
static void check_tlb_hit(struct residence *r, const struct hw_tlb_entry *hit)
{
	struct tdx_module *m = r->c->m;
	hpa_t hpa = pfn_to_hpa(hit->pfn);
	struct pamt_block block;
	u8 level;

	if (!pamt_block(m, hpa, &block))
		return;
	const struct pamt_entry *page = pamt_leaf(m, &block, &level);

	check_that(m->env, INV_TLB_NEVER_STALE,
		   page->type == PT_REG && page->owner == r->td->tdr,
		   "TD %#llx still reaches frame %#llx at gfn %#llx through its TLB",
		   (unsigned long long)r->td->tdr, (unsigned long long)hpa,
		   (unsigned long long)hit->gfn);
}

static void access_private(struct residence *r, struct guest_op *op)
{
	bool write = op->kind == GUEST_WRITE;
	struct tdx_module *m = r->c->m;
	struct hw_tlb_entry *hit, fill;
	struct sept_pos at;
	u64 size;

	if (!td_gpa_private_valid(r->td, op->gpa)) {
		op->fault = EXCEPTION_PF;
		guest_op_end(r, op);
		return;
	}
	hit = hw_tlb_find(m->hw, r->c->lp, r->td->tdr, gpa_to_gfn(op->gpa));
	if (hit && (hit->write || !write)) {
		check_tlb_hit(r, hit);
		size = sept_level_size(hit->level);
		access_frame(r, op, pfn_to_hpa(hit->pfn) | (op->gpa & (size - 1) & PAGE_MASK),
			     r->td->hkid);
		return;
	}
	sept_walk(m, r->td, op->gpa, 0, &at);
	if (!sept_is_leaf(at.value) || !(at.value & (write ? 2 : 1))) {
		private_violation(r, op, &at);
		return;
	}
	size = sept_level_size(at.level);
	fill = (struct hw_tlb_entry){
		.asid = r->td->tdr,
		.gfn = gpa_to_gfn(op->gpa & ~(size - 1)),
		.pfn = hpa_to_pfn(sept_page(at.value, at.level)),
		.level = at.level,
		.write = at.value & 2,
	};
	hw_tlb_fill(m->hw, r->c->lp, &fill);
	access_frame(r, op, sept_page(at.value, at.level) | (op->gpa & (size - 1) & PAGE_MASK),
		     r->td->hkid);
}

/* Left alone, the host's timer tick ends the stay. */
static void stay(struct residence *r, struct guest_op *op)
{
	if (!task_spin(r->c->m->env, "guest", NULL))
		return;
	guest_op_end(r, op);
	exit_interrupt(r);
}

static void halt(struct residence *r, struct guest_op *op)
{
	op->exits++;
	op->regs = (struct tdx_module_args){ .rcx = TDVMCALL_HLT_MASK, .r11 = TDX_EXIT_HLT };
	exit_tdvmcall(r, &op->regs);
	r->vcpu->vmcall_op = op;
	r->vcpu->rip++;
}

static void access_memory(struct residence *r, struct guest_op *op)
{
	if (op->gpa & td_shared_bit(r->td))
		access_shared(r, op);
	else
		access_private(r, op);
}

static void end_idle(struct residence *r, struct guest_op *op)
{
	guest_op_end(r, op);
}

typedef void guest_op_fn(struct residence *r, struct guest_op *op);

static guest_op_fn *const guest_op_fn_of[] = {
	[GUEST_IDLE] = end_idle,
	[GUEST_READ] = access_memory,
	[GUEST_WRITE] = access_memory,
	[GUEST_TDCALL] = tdcall_run,
	[GUEST_STAY] = stay,
	[GUEST_HALT] = halt,
};

void guest_run(struct residence *r)
{
	struct hw_cpu *cpu = &r->c->m->hw->cpu[r->c->lp];
	struct env *env = r->c->m->env;

	while (!r->left) {
		struct guest_op *op = r->vcpu->op;

		task_yield(env, YIELD_GUEST);
		if (op && !op->done && op->kind == GUEST_STAY && cpu->irq_pending)
			guest_op_end(r, op);
		if (!op || op->done || op->kind >= ARRAY_SIZE(guest_op_fn_of) || cpu->irq_pending)
			exit_interrupt(r);
		else
			guest_op_fn_of[op->kind](r, op);
	}
}

int tdx_guest_set(struct tdx_module *module, hpa_t tdvpr, struct guest_op *op)
{
	struct pamt_block block;

	if (!pamt_block(module, tdvpr & PAGE_MASK, &block) || block.level[0]->type != PT_TDVPR)
		return -ENOENT;
	/* Another operation in the same memory: the hypercall of the last one is not its. */
	if (!op || !op->exits)
		block.level[0]->vcpu->vmcall_op = NULL;
	block.level[0]->vcpu->op = op;
	return 0;
}

void tdx_set_shared_walk(struct tdx_module *module, tdx_shared_walk_fn *fn, void *ctx)
{
	module->shared_walk = fn;
	module->shared_walk_ctx = ctx;
}
