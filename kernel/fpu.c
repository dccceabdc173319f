// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for arch/x86/kernel/fpu/: a guest FPU state is allocated, marked in
 * use around KVM_RUN (KVM ends a VM that gets this wrong) and never loaded.
 */
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xstate.h>

#include "standin.h"

#define GUEST_FPSTATE_BYTES	832	/* legacy region, XSAVE header, AVX */

bool fpu_alloc_guest_fpstate(struct fpu_guest *guest)
{
	struct fpstate *fpstate = kzalloc(sizeof(*fpstate) + GUEST_FPSTATE_BYTES, GFP_KERNEL);

	if (!fpstate)
		return false;
	fpstate->is_guest = true;
	fpstate->is_valloc = true;
	fpstate->size = GUEST_FPSTATE_BYTES;
	fpstate->user_size = GUEST_FPSTATE_BYTES;
	guest->fpstate = fpstate;
	guest->uabi_size = GUEST_FPSTATE_BYTES;
	return true;
}

void fpu_free_guest_fpstate(struct fpu_guest *guest)
{
	kfree(guest->fpstate);
	guest->fpstate = NULL;
}

int fpu_swap_kvm_fpstate(struct fpu_guest *guest, bool enter_guest)
{
	guest->fpstate->in_use = enter_guest;
	return 0;
}

void fpregs_assert_state_consistent(void)
{
}
