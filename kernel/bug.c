// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for lib/bug.c and the invalid-opcode handler: finds the bug table
 * entry of a ud2 and reports it with file and line. (A ud2 may also be an RDTSC
 * that the link replaced.) WARN with a format comes
 * through the static call WARN_trap instead, with its arguments.
 */
#include <linux/bug.h>
#include <linux/static_call.h>
#include <linux/extable.h>

#include "standin.h"

extern struct bug_entry kernel_bugs_begin[], kernel_bugs_end[];
/* By index in the bug table; made by the link from debug information. */
extern const char *const __start_kernel_warn_names[];
extern const unsigned long __start_kernel_rdtsc[], __stop_kernel_rdtsc[];

static unsigned long bug_address(const struct bug_entry *bug)
{
	return (unsigned long)&bug->bug_addr_disp + bug->bug_addr_disp;
}

static const char *bug_file(const struct bug_entry *bug)
{
	return (const char *)&bug->file_disp + bug->file_disp;
}

static const char *bug_format(const struct bug_entry *bug)
{
	return (const char *)&bug->format_disp + bug->format_disp;
}

static const char *bug_function(const struct bug_entry *bug)
{
	BUILD_BUG_ON(sizeof(*bug) != 16);	/* ENTRY_BYTES in build/warnings_table.py */
	return __start_kernel_warn_names[bug - kernel_bugs_begin];
}

/* True when a WARN_ON_ONCE was reported before; remembers it. */
static bool warned_before(struct bug_entry *bug)
{
	if (!(bug->flags & BUGFLAG_ONCE))
		return false;
	if (bug->flags & BUGFLAG_DONE)
		return true;
	bug->flags |= BUGFLAG_DONE;
	return false;
}

void __WARN_trap(struct bug_entry *bug, ...)
{
	char text[256];
	va_list args;
	int n;

	if (warned_before(bug))
		return;
	va_start(args, bug);
	n = vscnprintf(text, sizeof(text), bug_format(bug), args);
	va_end(args);
	while (n && text[n - 1] == '\n')
		text[--n] = 0;
	proc_warn(bug_function(bug), bug_file(bug), bug->line, text);
}
DEFINE_STATIC_CALL(WARN_trap, __WARN_trap);

int kern_trap_ud2(unsigned long ip)
{
	const unsigned long *rdtsc;
	struct bug_entry *bug;

	for (rdtsc = __start_kernel_rdtsc; rdtsc < __stop_kernel_rdtsc; rdtsc++)
		if (*rdtsc == ip)
			return KERN_TRAP_RDTSC;
	for (bug = kernel_bugs_begin; bug < kernel_bugs_end; bug++) {
		if (bug_address(bug) != ip)
			continue;
		if (!(bug->flags & BUGFLAG_WARNING))
			proc_bug(bug_function(bug), bug_file(bug), bug->line);
		if (!warned_before(bug))
			proc_warn(bug_function(bug), bug_file(bug), bug->line, bug_format(bug));
		return KERN_TRAP_WARN;
	}
	return KERN_TRAP_NONE;
}
