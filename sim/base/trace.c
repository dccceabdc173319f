// SPDX-License-Identifier: GPL-2.0-only
/* Telling the listener, and kernel messages as events. */
#include <stdio.h>

#include "sim/base/env.h"

#define KMSG_TEXT_MAX	256

void trace_emit(struct env *env, struct trace_event *event)
{
	event->task = env->sched.current;
	event->seq = ++env->trace.seq;
	env->trace.listener(env->trace.ctx, event);
}

void kmsg(struct env *env, enum kmsg_level level, const char *where, const char *fmt, ...)
{
	char text[KMSG_TEXT_MAX];
	struct trace_event event = {
		.kind = TRACE_KMSG,
		.text = { .text = text, .where = where, .level = level },
	};
	va_list args;

	if (level == KMSG_WARN)
		env->checker.warn_count++;
	else if (level == KMSG_BUG)
		env->checker.bug_count++;
	if (!trace_on(env, TRACE_KMSG))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	trace_emit(env, &event);
}
