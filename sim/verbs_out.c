// SPDX-License-Identifier: GPL-2.0-only
/*
 * What verb handlers tell the runner: results, both sides of an expectation,
 * and which objects came and went.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/run_impl.h"

void out_errno(struct run *run, struct run_outcome *out, int rc)
{
	if (rc == HOST_SKIP)
		out->result = (struct scn_result){ .kind = RESULT_SKIP };
	else
		out->result = (struct scn_result){ .kind = RESULT_ERRNO, .number = (s64)rc };
}

void out_bad_input(struct run_outcome *out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->text, sizeof(out->text), fmt, args);
	va_end(args);
	out->bad_input = true;
}

/* Differences are gathered, what is the same is shown too: one line each side. */
void out_compare(struct run_outcome *out, const char *what, const char *expected,
		 const char *actual)
{
	size_t e = strlen(out->expected), a = strlen(out->actual);

	snprintf(out->expected + e, sizeof(out->expected) - e, "%s%s%s%s", e ? " " : "", what,
		 *what ? "=" : "", expected);
	snprintf(out->actual + a, sizeof(out->actual) - a, "%s%s%s%s", a ? " " : "", what,
		 *what ? "=" : "", actual);
	if (strcmp(expected, actual))
		out->mismatch = true;
}

void out_compare_number(struct run_outcome *out, const char *what, u64 expected, u64 actual)
{
	char text[2][24];

	snprintf(text[0], sizeof(text[0]), expected > 0xffff ? "0x%llx" : "%llu",
		 (unsigned long long)expected);
	snprintf(text[1], sizeof(text[1]), expected > 0xffff ? "0x%llx" : "%llu",
		 (unsigned long long)actual);
	out_compare(out, what, text[0], text[1]);
}

void out_compare_flag(struct run_outcome *out, const char *what, bool expected, bool actual)
{
	out_compare(out, what, expected ? "yes" : "no", actual ? "yes" : "no");
}

void out_mismatch(struct run_outcome *out, const char *expected, const char *fmt, ...)
{
	size_t e = strlen(out->expected), a = strlen(out->actual);
	va_list args;

	snprintf(out->expected + e, sizeof(out->expected) - e, "%s%s",
		 e && *expected ? " " : "", expected);
	if (a && a + 1 < sizeof(out->actual))
		out->actual[a++] = ' ';
	va_start(args, fmt);
	vsnprintf(out->actual + a, sizeof(out->actual) - a, fmt, args);
	va_end(args);
	out->mismatch = true;
}

static u32 this_line(const struct run *run)
{
	return run->node ? run->node->line : 1;
}

void run_created(struct run *run, enum run_object kind, u32 id, int rc)
{
	if (rc)
		return;
	run->world.created_line[kind][id] = this_line(run);
	run->world.closed_line[kind][id] = 0;
}

void run_closed(struct run *run, enum run_object kind, u32 id, int rc)
{
	if (!rc)
		run->world.closed_line[kind][id] = this_line(run);
}

u64 run_token(struct run *run, const struct scn_step *step, u32 i)
{
	/* Fresh ones are far from those people write by hand. */
	if (!step_has(step, i))
		return 1000 + ++run->world.token;
	return step->value[i].number;
}
