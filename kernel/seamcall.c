// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for arch/x86/virt/vmx/tdx/seamcall.S, the one boundary to the TDX
 * module: leaf and registers in, status out. The three differ in which
 * registers come back.
 */
#include <asm/shared/tdx.h>
#include <asm/tdx.h>

#include "standin.h"

u64 __seamcall(u64 fn, struct tdx_module_args *args)
{
	struct tdx_module_args regs = *args;

	return proc_seamcall(smp_processor_id(), fn, &regs);
}

u64 __seamcall_ret(u64 fn, struct tdx_module_args *args)
{
	return proc_seamcall(smp_processor_id(), fn, args);
}

/* Of VP.ENTER: the guest may be done with what it was asked to do meanwhile. */
u64 __seamcall_saved_ret(u64 fn, struct tdx_module_args *args)
{
	u64 status = proc_seamcall(smp_processor_id(), fn, args);

	if (proc_signal_pending())
		kern_set_signal(1);
	return status;
}
