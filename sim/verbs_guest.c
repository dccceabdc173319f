// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of `vcpuN`: one guest operation, run until it is done or KVM_RUN
 * comes back to userspace. Also keeps what the guest must read where, so that
 * lost or foreign content is noticed on the first read (INV_GUEST_CONTENT_KEPT).
 */
#include <string.h>

#include "model/kvm/kvm_uapi.h"
#include "model/tdx/tables.h"
#include "sim/run_impl.h"
#include "sim/words.h"

#define TDVMCALL_MAP_GPA	0x10001
#define TDVMCALL_REGISTERS	0xfc00	/* RCX of TDG.VP.VMCALL: pass R10 to R15 */
#define EXCEPTION_VE		20

#define TDCALL_NR(leaf)		((leaf) & ~TDX_TRACE_TDCALL)

/* ---- Content ---- */

/* One page: sparse elements start zeroed, so known is apart from zero. */
struct content {
	u64 token;
	bool known;
};

#define CONTENT_GFN_MAX		(1ULL << 40)

void run_content_set(struct run *run, u32 td, gpa_t gpa, u64 token)
{
	struct arena *arena = run->sim->env->arena;
	struct content *content;

	if (!run->world.content[td]) {
		run->world.content[td] = arena_alloc(arena, sizeof(struct sparse));
		sparse_init(run->world.content[td], sizeof(struct content), CONTENT_GFN_MAX);
	}
	content = sparse_get(run->world.content[td], gpa_to_gfn(gpa) % CONTENT_GFN_MAX);
	*content = (struct content){ token, true };
}

static void content_check(struct run *run, u32 td, gpa_t gpa, u64 token)
{
	struct content *content = NULL;

	if (run->world.content[td])
		content = sparse_find(run->world.content[td], gpa_to_gfn(gpa) % CONTENT_GFN_MAX);
	check_that(run->sim->env, INV_GUEST_CONTENT_KEPT, content && content->known,
		   "td%u reads %llu at gpa 0x%llx, a page it never accepted", td,
		   (unsigned long long)token, (unsigned long long)gpa);
	if (content && content->known)
		check_that(run->sim->env, INV_GUEST_CONTENT_KEPT, content->token == token,
			   "td%u reads %llu at gpa 0x%llx, %llu was there", td,
			   (unsigned long long)token, (unsigned long long)gpa,
			   (unsigned long long)content->token);
}

/* ---- Running ---- */

/* The operation a vCPU is in; what it was told, as the TDCALL's outputs overwrite it. */
struct run_guest {
	struct guest_op op;
	struct run *run;
	u32 td;
	u16 leaf;
	u64 rcx;
};

static struct run_guest *guest_of(struct run *run, const struct scn_step *step)
{
	struct run_guest **guest = &run->world.guest[step->actor.td][step->actor.vcpu];

	if (!*guest)
		*guest = arena_alloc(run->sim->env->arena, sizeof(**guest));
	return *guest;
}

static gpa_t shared_bit(const struct run *run, u32 td)
{
	u8 gpaw = run->world.gpaw[td];

	return BIT_ULL((gpaw ? gpaw : 48) - 1);
}

/*
 * A private page reads as what was last written to it, zeros once accepted. Called
 * as the operation ends: by the time KVM_RUN is back, another vCPU may have read it.
 */
static void content_after(struct guest_op *op)
{
	struct run_guest *guest = container_of(op, struct run_guest, op);
	struct run *run = guest->run;
	gpa_t gpa = guest->rcx & PAGE_MASK;
	u32 level = guest->rcx & 7, td = guest->td;
	u64 i;

	if (op->ve || op->fault || (op->kind == GUEST_TDCALL && op->rax))
		return;
	if (op->kind == GUEST_TDCALL && guest->leaf == TDCALL_NR(TDG_MEM_PAGE_ACCEPT)) {
		for (i = 0; i < 1ULL << 9 * level; i++)
			run_content_set(run, td, gpa + (i << PAGE_SHIFT), TOKEN_ZERO);
		return;
	}
	/* An ordinary VM, which has no address width of its own, has nothing to accept. */
	if (!run->world.gpaw[td] || op->gpa & shared_bit(run, td))
		return;
	if (op->kind == GUEST_WRITE)
		run_content_set(run, td, op->gpa, op->value);
	else if (op->kind == GUEST_READ)
		content_check(run, td, op->gpa, op->value);
}

static void out_exit(struct run_outcome *out, u32 reason)
{
	out->result = (struct scn_result){ .kind = RESULT_EXIT, .number = reason };
}

static void out_guest(struct run_outcome *out, const struct guest_op *op)
{
	if (op->ve || op->fault)
		out->result = (struct scn_result){ .kind = RESULT_GUEST,
						   .number = op->ve ? EXCEPTION_VE : op->fault };
	else if (op->kind == GUEST_TDCALL && op->rax)
		out->result = (struct scn_result){ .kind = RESULT_STATUS, .number = op->rax };
	else
		out->result = (struct scn_result){ .kind = RESULT_ERRNO };
}

/* True when the operation is done and went well. */
static bool run_vcpu(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 td = step->actor.td, vcpu = step->actor.vcpu;
	struct host_exit *exit = &run->world.exit[td][vcpu];
	struct run_guest *guest = guest_of(run, step);
	int rc = step_ops(run)->vcpu_run(step_host(run), td, vcpu, &guest->op,
					 exit);

	/* These two exits come with an errno as well; the exit says more. */
	if ((rc == -EFAULT && exit->reason == KVM_EXIT_MEMORY_FAULT) ||
	    (rc == -EINTR && exit->reason == KVM_EXIT_INTR)) {
		out_exit(out, exit->reason);
		return false;
	}
	if (rc) {
		out_errno(run, out, rc);
		return false;
	}
	if (exit->reason) {
		out_exit(out, exit->reason);
		return false;
	}
	out_guest(out, &guest->op);
	return out->result.kind == RESULT_ERRNO;
}

static struct guest_op *new_op(struct run *run, const struct scn_step *step,
			       enum guest_op_kind kind)
{
	struct run_guest *guest = guest_of(run, step);

	*guest = (struct run_guest){
		.op = { .kind = kind, .ended = content_after },
		.run = run, .td = step->actor.td,
	};
	return &guest->op;
}

static struct guest_op *new_tdcall(struct run *run, const struct scn_step *step, u16 leaf,
				   u64 rcx)
{
	struct guest_op *op = new_op(run, step, GUEST_TDCALL);
	struct run_guest *guest = guest_of(run, step);

	op->rax = guest->leaf = TDCALL_NR(leaf);
	op->regs.rcx = guest->rcx = rcx;
	return op;
}

/* ---- Verbs ---- */

void verb_vcpu_read(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct guest_op *op = new_op(run, step, GUEST_READ);
	bool shared = step_has(step, 2);

	op->gpa = step->value[0].number | (shared ? shared_bit(run, step->actor.td) : 0);
	if (run_vcpu(run, step, out) && step_has(step, 1))
		out_compare_number(out, "token", step->value[1].number, op->value);
}

void verb_vcpu_write(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct guest_op *op = new_op(run, step, GUEST_WRITE);
	bool shared = step_has(step, 2);

	op->gpa = step->value[0].number | (shared ? shared_bit(run, step->actor.td) : 0);
	op->value = run_token(run, step, 1);
	run_vcpu(run, step, out);
}

static bool accept_page(struct run *run, const struct scn_step *step, gpa_t gpa, u32 level,
			struct run_outcome *out)
{
	new_tdcall(run, step, TDG_MEM_PAGE_ACCEPT, gpa | (level - PG_LEVEL_4K));
	return run_vcpu(run, step, out);
}

static bool size_mismatch(const struct run_outcome *out)
{
	return out->result.kind == RESULT_STATUS &&
	       TDX_STATUS(out->result.number) == TDX_PAGE_SIZE_MISMATCH;
}

/* As a guest kernel does it: as large as alignment allows, 4K where that fails. */
void verb_vcpu_accept(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	gpa_t gpa = step->value[0].number, end = gpa + step->value[1].number;
	bool chosen = step_has(step, 2);
	u32 level;

	/* A range of nothing is nothing, and is done. */
	out->result = (struct scn_result){ .kind = RESULT_ERRNO };
	while (gpa < end) {
		level = PG_LEVEL_4K;
		if (IS_ALIGNED(gpa, SZ_2M) && end - gpa >= SZ_2M)
			level = PG_LEVEL_2M;
		level = step_number(step, 2, level);
		if (!accept_page(run, step, gpa, level, out)) {
			if (chosen || level == PG_LEVEL_4K || !size_mismatch(out))
				return;
			level = PG_LEVEL_4K;
			if (!accept_page(run, step, gpa, level, out))
				return;
		}
		gpa += PAGE_SIZE << KVM_HPAGE_GFN_SHIFT(level);
	}
}

void verb_vcpu_release(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	new_tdcall(run, step, TDG_MEM_PAGE_RELEASE,
		   step->value[0].number | (step_number(step, 1, PG_LEVEL_4K) - PG_LEVEL_4K));
	run_vcpu(run, step, out);
}

/* GPAs of a MapGPA that asks for shared memory carry the shared bit. */
void verb_vcpu_map_gpa(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct guest_op *op = new_tdcall(run, step, TDG_VP_VMCALL, TDVMCALL_REGISTERS);
	bool to_private = step->value[2].number;

	op->regs.r11 = TDVMCALL_MAP_GPA;
	op->regs.r12 = step->value[0].number |
		       (to_private ? 0 : shared_bit(run, step->actor.td));
	op->regs.r13 = step->value[1].number;
	if (run_vcpu(run, step, out) && step_has(step, 3))
		out_compare_number(out, "answer", step->value[3].number, op->regs.r10);
}

void verb_vcpu_tdcall(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 rcx = step_number(step, 1, 0);
	struct guest_op *op = new_tdcall(run, step, step->value[0].number, rcx);

	op->regs = (struct tdx_module_args){
		.rcx = rcx, .rdx = step_number(step, 2, 0),
		.r8 = step_number(step, 3, 0), .r9 = step_number(step, 4, 0),
		.r10 = step_number(step, 5, 0), .r11 = step_number(step, 6, 0),
		.r12 = step_number(step, 7, 0), .r13 = step_number(step, 8, 0),
	};
	run_vcpu(run, step, out);
}

static void compare_vmcall(const struct scn_step *step, u32 i, const struct guest_op *op,
			   struct run_outcome *out)
{
	if (!op->done)
		return;
	if (step_has(step, i))
		out_compare_number(out, "answer", step->value[i].number, op->regs.r10);
	if (step_has(step, i + 1))
		out_compare_number(out, "value", step->value[i + 1].number, op->regs.r11);
	/* vmcall only; `run` has no such operand. */
	if (i + 2 < step->verb->operand_count && step_has(step, i + 2))
		out_compare_number(out, "eax", step->value[i + 2].number, op->regs.r12);
}

void verb_vcpu_vmcall(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct guest_op *op = new_tdcall(run, step, TDG_VP_VMCALL, TDVMCALL_REGISTERS);

	op->regs.r11 = step->value[0].number;
	op->regs.r10 = step_number(step, 1, 0);
	op->regs.r12 = step_number(step, 2, 0);
	op->regs.r13 = step_number(step, 3, 0);
	op->regs.r14 = step_number(step, 4, 0);
	op->regs.r15 = step_number(step, 5, 0);
	run_vcpu(run, step, out);
	compare_vmcall(step, 6, op, out);
}

/* An operation that an exit interrupted goes on; a guest that has none idles. */
void verb_vcpu_run(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_guest *guest = guest_of(run, step);

	if (guest->op.done || guest->op.kind == GUEST_IDLE)
		new_op(run, step, GUEST_IDLE);
	run_vcpu(run, step, out);
	compare_vmcall(step, 0, &guest->op, out);
}

void verb_vcpu_stay(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	new_op(run, step, GUEST_STAY);
	run_vcpu(run, step, out);
}

void verb_vcpu_halt(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	new_op(run, step, GUEST_HALT);
	run_vcpu(run, step, out);
}
