/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a vCPU does while it is inside the TD: one operation at a time, given
 * by the scenario. VP.ENTER goes on with the pending operation; a fault or a
 * TDVMCALL leaves the TD and the next VP.ENTER repeats or resumes it, as the
 * instruction would. When the operation is done the guest has nothing to do
 * and leaves by an external interrupt (VMX exit reason 1).
 */
#ifndef SEPTUM_TDX_GUEST_H
#define SEPTUM_TDX_GUEST_H

#include "model/tdx/tdx.h"

enum guest_op_kind {
	GUEST_IDLE,		/* nothing: leaves at once by an interrupt */
	GUEST_READ,		/* ->value gets the token read */
	GUEST_WRITE,		/* ->value is the token written */
	GUEST_TDCALL,		/* ->rax and ->regs, whatever they say */
	GUEST_STAY,		/* stays inside until an interrupt comes, or nobody else runs */
	GUEST_HALT,		/* TDG.VP.VMCALL<HLT> */
};

struct guest_op {
	u8 kind;		/* enum guest_op_kind */
	bool done;
	bool ve;		/* ended by a #VE the guest took */
	u8 fault;		/* exception vector the guest took instead, 0 none */
	gpa_t gpa;		/* READ, WRITE: the shared bit selects shared memory */
	u64 value;
	u64 rax;		/* TDCALL: leaf in; status out */
	struct tdx_module_args regs;
	/* TDCALL without outputs: after success, so many times more, RCX a page on */
	u32 repeat;
	u32 exits;		/* TD exits taken on the way */
	/*
	 * Told at the instant it ends, before any other task can run; NULL: nobody.
	 * Whoever waits for ->done instead learns of it when others have gone on.
	 */
	void (*ended)(struct guest_op *op);
};

static inline void guest_op_done(struct guest_op *op)
{
	op->done = true;
	if (op->ended)
		op->ended(op);
}

/*
 * Give the vCPU whose TDVPR is @tdvpr its next operation. @op must stay valid
 * until ->done. -ENOENT when @tdvpr is no TDVPR page.
 */
int tdx_guest_set(struct tdx_module *module, hpa_t tdvpr, struct guest_op *op);

/*
 * Shared memory of a TD is translated by the host's own tables (the shared
 * EPT), which the module does not know: the host side registers how. Returns
 * the hpa, TDX_SHARED_VIOLATION, or TDX_SHARED_VE where the entry does not
 * suppress #VE, as those of memory-mapped I/O do not: the guest takes it itself.
 */
#define TDX_SHARED_VIOLATION	(~0ULL)
#define TDX_SHARED_VE		(~1ULL)

typedef hpa_t tdx_shared_walk_fn(void *ctx, hpa_t tdr, gpa_t gpa, bool write);
void tdx_set_shared_walk(struct tdx_module *module, tdx_shared_walk_fn *fn, void *ctx);

#endif /* SEPTUM_TDX_GUEST_H */
