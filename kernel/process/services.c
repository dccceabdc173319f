// SPDX-License-Identifier: GPL-2.0-only
/*
 * The proc_* functions: what the kernel side asks of the process, answered by
 * the simulation it runs in.
 */
#include <asm/prctl.h>
#include <immintrin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/process/process.h"
#include "model/tdx/tables.h"
#include "sim/base/env.h"

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE	(1 << 1)
#endif

struct kernel_process the_process;

PROC unsigned long proc_seamcall(unsigned int cpu, unsigned long fn, void *args)
{
	return seamcall(the_process.tdx, cpu, fn, args);
}

/* printk levels: 0 to 3 are errors, 4 is a warning. */
PROC void proc_kmsg(int level, const char *where, const char *text)
{
	enum kmsg_level kind = level <= 3 ? KMSG_ERR : level == 4 ? KMSG_WARNING : KMSG_INFO;

	kmsg(the_process.env, kind, where, "%s", text);
}

PROC void proc_warn(const char *function, const char *file, int line, const char *text)
{
	kmsg(the_process.env, KMSG_WARN, function, "%s%s(%s:%d)", text, *text ? " " : "",
	     file, line);
}

PROC void proc_bug(const char *function, const char *file, int line)
{
	kmsg(the_process.env, KMSG_BUG, function, "kernel BUG at %s:%d", file, line);
	__builtin_longjmp(the_process.bug, 1);
}

PROC void proc_fatal(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	internal_error("%s", text);
}

PROC int proc_alloc_fails(const char *site)
{
	return inject_alloc(the_process.env, site);
}

static void trace_page(unsigned long pfn, unsigned int order, const char *what)
{
	struct trace_event event = {
		.kind = TRACE_PAGE,
		.page = { .pfn = pfn, .order = order, .what = what },
	};

	trace_emit(the_process.env, &event);
}

PROC void proc_page_allocated(unsigned long pfn, unsigned int order)
{
	if (trace_on(the_process.env, TRACE_PAGE))
		trace_page(pfn, order, "alloc");
}

/* In an S-EPT, or by the PAMT a page of some TD's; what the module set aside for itself is not. */
static bool module_has(hpa_t hpa)
{
	struct tdx_pamt_view pamt;

	if (tdx_frame_idle(the_process.tdx, hpa))
		return false;
	return tdx_frame_in_sept(the_process.tdx, hpa) ||
	       (!tdx_probe_pamt(the_process.tdx, hpa, &pamt) && pamt.type != PT_NDA &&
		pamt.type != PT_RSVD);
}

PROC void proc_page_freed(unsigned long pfn, unsigned int order)
{
	unsigned long i;

	for (i = 0; i < 1UL << order; i++)
		check_that(the_process.env, INV_FREE_FRAME_UNMAPPED,
			   !module_has(pfn_to_hpa(pfn + i)),
			   "pfn %#lx is freed while an S-EPT leaf or the PAMT still names it", pfn + i);
	if (trace_on(the_process.env, TRACE_PAGE))
		trace_page(pfn, order, "free");
}

PROC void proc_page_zeroed(unsigned long pfn)
{
	hw_write(the_process.hw, pfn_to_hpa(pfn), KEYID_SHARED, TOKEN_ZERO);
}

PROC void proc_movdir64b(unsigned long hpa)
{
	hw_movdir64b(the_process.hw, hpa, KEYID_SHARED, TOKEN_ZERO);
}

PROC void proc_clflush(unsigned long hpa, unsigned long bytes)
{
	unsigned long at;

	for (at = ALIGN_DOWN(hpa, PAGE_SIZE); at < hpa + bytes; at += PAGE_SIZE)
		hw_clflush(the_process.hw, at, KEYID_SHARED);
}

PROC void proc_wbinvd(unsigned int cpu)
{
	hw_wbinvd(the_process.hw, the_process.hw->cpu[cpu].package);
}

PROC void proc_ipi(unsigned long mask)
{
	hw_ipi_wait(the_process.env, the_process.hw, mask);
}

PROC int proc_signal_pending(void)
{
	return (the_process.op && the_process.op->done) ||
	       current_task(the_process.env)->signal_pending;
}

PROC void proc_deadlock(const char *what, const void *lock)
{
	check_fail(the_process.env, INV_LOCK_RULES,
		   "the only task waits for %s at %p, which it holds itself", what, lock);
	the_process.env->sched.deadlock = true;
}

/* WRGSBASE where the host lets processes use it, else a system call. */
__attribute__((target("fsgsbase")))
PROC void proc_set_gs_base(unsigned long base)
{
	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)
		_writegsbase_u64(base);
	else
		syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}
