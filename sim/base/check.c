// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was broken in a run: recorded with the step it happened in, told to the
 * trace, never fatal. WARN and WARN_ON_ONCE follow the kernel's: once a site
 * and run, and the condition's value goes back to the caller.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/env.h"

const char *const inv_name[INV_NR] = {
	[INV_NONE] = "none",
#define INV(number, name, sentence) [name] = #name,
#include "sim/base/invariants.def"
#undef INV
};

const char *const inv_sentence[INV_NR] = {
	[INV_NONE] = "",
#define INV(number, name, sentence) [name] = sentence,
#include "sim/base/invariants.def"
#undef INV
};

void internal_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("septum: internal error: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(4);
}

void check_fail(struct env *env, enum invariant inv, const char *fmt, ...)
{
	struct checker *checker = &env->checker;
	char text[CHECK_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	if (checker->broken_count < CHECK_BROKEN_MAX) {
		struct broken *broken = &checker->broken[checker->broken_count++];

		broken->inv = inv;
		broken->step = checker->step;
		memcpy(broken->text, text, sizeof(text));
	}
	checker->broken_total++;
	if (trace_on(env, TRACE_CHECK)) {
		struct trace_event event = {
			.kind = TRACE_CHECK,
			.text = { .text = text, .where = inv_name[inv] },
		};

		trace_emit(env, &event);
	}
}

bool warn_slow(struct env *env, const void *once, const char *where, const char *text)
{
	struct checker *checker = &env->checker;
	u32 i;

	if (once) {
		for (i = 0; i < checker->warned_count; i++)
			if (checker->warned[i] == once)
				return true;
		if (checker->warned_count < ARRAY_SIZE(checker->warned))
			checker->warned[checker->warned_count++] = once;
	}
	kmsg(env, KMSG_WARN, where, "WARNING: at %s: %s", where, text);
	return true;
}
