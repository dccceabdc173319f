// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/printk/ and kernel/params.c: messages go to the
 * process with their level, without a time stamp. Rate limits are the real
 * ones (lib/ratelimit.c) on a clock that stands still within a system call.
 */
#include <linux/console.h>
#include <linux/kern_levels.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>

#include "standin.h"

static void emit(const char *format, va_list args)
{
	char text[512];
	int level = LOGLEVEL_DEFAULT;
	int n;

	if (format[0] == KERN_SOH_ASCII && format[1]) {
		if (format[1] >= '0' && format[1] <= '7')
			level = format[1] - '0';
		format += 2;
	}
	n = vscnprintf(text, sizeof(text), format, args);
	while (n && text[n - 1] == '\n')
		text[--n] = 0;
	proc_kmsg(level, "printk", text);
}

int _printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(format, args);
	va_end(args);
	return 0;
}

int _printk_deferred(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(format, args);
	va_end(args);
	return 0;
}

/* Parameters keep their defaults: nobody writes to /sys/module here. */
const struct kernel_param_ops param_ops_bool, param_ops_bint, param_ops_int, param_ops_uint;
