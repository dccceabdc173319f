// SPDX-License-Identifier: GPL-2.0-only
/*
 * What came against what the scenario says: results, expectations, SEAMCALLs.
 * A difference is shown in the scenario's own syntax, both sides one under the
 * other, with the kernel's log of that step behind it.
 */
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"
#include "sim/words.h"

static bool result_equal(const struct scn_result *wanted, const struct scn_result *got)
{
	if (wanted->kind == RESULT_ANY)
		return got->kind != RESULT_HANG && got->kind != RESULT_DEADLOCK;
	/* 0 says that all went well, whoever was asked. */
	if (wanted->kind == RESULT_ERRNO && !wanted->number)
		return !got->number && (got->kind == RESULT_ERRNO || got->kind == RESULT_STATUS);
	if (wanted->kind != got->kind)
		return false;
	if (wanted->kind == RESULT_STATUS && !(u32)wanted->number)
		return wanted->number == TDX_STATUS(got->number);
	return wanted->number == got->number;
}

/*
 * A line without '=' must succeed, but in a race anything may come, and so may it
 * where the outcome is measured.
 */
static bool result_as_written(const struct run *run, const struct scn_step *step,
			      const struct scn_result *got)
{
	const struct scn_result success = { .kind = RESULT_ERRNO };
	u32 i;

	if (!step->result_count && run->world.measured)
		return true;
	for (i = 0; i < step->result_count; i++)
		if (result_equal(&step->result[i], got))
			return true;
	if (step->result_count)
		return false;
	if (run->in_race)
		return got->kind != RESULT_HANG;
	return result_equal(&success, got);
}

static bool result_wanted(const struct run *run, const struct scn_step *step,
			  const struct scn_result *got)
{
	if (result_as_written(run, step, got))
		return true;
	run->result->others++;
	return run->options->no_results && got->kind != RESULT_HANG;
}

static void print_wanted(const struct scn_step *step, char *text, size_t size)
{
	char one[100];
	size_t used = 0;
	u32 i;

	if (!step->result_count)
		snprintf(text, size, "0");
	for (i = 0; i < step->result_count; i++) {
		scn_print_result(&step->result[i], one, sizeof(one));
		used += snprintf(used < size ? text + used : NULL, used < size ? size - used : 0,
				 "%s%s", i ? " | " : "", one);
	}
}

/* Both lines in the scenario's own syntax, one under the other. */
static void note_lines(struct run *run, const struct scn_step *step,
		       const struct scn_result *got)
{
	struct scn_step shown = *step;
	char line[SCN_LINE_MAX];

	shown.limit_count = 0;
	shown.crossing_count = 0;
	scn_print_step(&shown, line, sizeof(line));
	diag_note(&run->result->diag, "  script:  %s\n", line);
	shown.result[0] = *got;
	shown.result_count = 1;
	scn_print_step(&shown, line, sizeof(line));
	diag_note(&run->result->diag, "  actual:  %s\n", line);
}

static void note_log(struct run *run)
{
	const struct run_notes *notes = &run->notes;
	u32 i;

	for (i = 0; i < notes->log_count && i < RUN_LOG_MAX; i++)
		if (notes->log[i].step == run->step)
			diag_note(&run->result->diag, "  log:     %.150s\n", notes->log[i].text);
}

void run_note_pictures(struct run *run)
{
	if (run->result->before[0])
		diag_note(&run->result->diag, "  before:  %s\n  after:   %s\n",
			  run->result->before, run->result->after);
}

/* Says where the object went. False when it is there. */
static bool fail_gone(struct run *run, const struct scn_node *node, enum run_object kind,
		      u32 id, u32 col)
{
	static const u8 types[] = {
		[OBJECT_TD] = TYPE_TD, [OBJECT_GMEM] = TYPE_GMEM, [OBJECT_VCPU] = TYPE_VCPU,
	};
	u32 i = kind == OBJECT_VCPU ? (id >> 8) * HOST_VCPU_MAX + (id & 0xff) : id;
	char name[32];

	scn_print_value(types[kind], &(struct scn_value){ .id = id }, name, sizeof(name));
	if (run->world.closed_line[kind][i])
		return run_fail(run, node, RUN_ERROR, col, "'%s' is gone since line %u", name,
				run->world.closed_line[kind][i]);
	if (!run->world.created_line[kind][i])
		return run_fail(run, node, RUN_ERROR, col, "'%s' was never created", name);
	return false;
}

static int object_of_type(u8 type)
{
	switch (type) {
	case TYPE_TD: return OBJECT_TD;
	case TYPE_GMEM:
	case TYPE_GMEM_AT: return OBJECT_GMEM;
	case TYPE_VCPU: return OBJECT_VCPU;
	default: return -1;
	}
}

/*
 * EBADF from the host table means that the scenario names what is not there;
 * a kernel asked by descriptor could say nothing else.
 */
static void fail_bad_object(struct run *run, const struct scn_node *node,
			    const struct scn_step *step)
{
	u32 i;
	int kind;

	if (step->actor.kind == ACTOR_VCPU &&
	    fail_gone(run, node, OBJECT_VCPU, step->actor.td << 8 | step->actor.vcpu, 0))
		return;
	for (i = 0; i < step->verb->operand_count; i++) {
		kind = object_of_type(step->verb->operand[i].type);
		if (kind >= 0 && step_has(step, i) &&
		    fail_gone(run, node, kind, step->value[i].id, step->value[i].col))
			return;
	}
	run_fail(run, node, RUN_ERROR, 0,
		 "EBADF: this step is about something that is not there, or is there already");
}

void run_compare_result(struct run *run, const struct scn_node *node,
			const struct scn_step *step, const struct run_outcome *out)
{
	char wanted[240], got[100];
	u32 col = step->result_count ? step->result[0].col : 0;

	if (result_wanted(run, step, &out->result))
		return;
	if (out->result.kind == RESULT_SKIP) {
		run_fail(run, node, RUN_SKIPPED, 0, "skipped: %s",
			 step_host(run)->skip ? step_host(run)->skip : "not expressible");
		return;
	}
	if (out->result.kind == RESULT_ERRNO && (s64)out->result.number == -EBADF) {
		fail_bad_object(run, node, step);
		return;
	}
	print_wanted(step, wanted, sizeof(wanted));
	scn_print_result(&out->result, got, sizeof(got));
	if (!run_fail(run, node, out->result.kind == RESULT_HANG ? RUN_HANG : RUN_MISMATCH, col,
		      "expected %s, got %s", wanted, got))
		return;
	snprintf(run->result->diag.caret, sizeof(run->result->diag.caret), "%.100s", out->text);
	note_lines(run, step, &out->result);
	run_note_pictures(run);
	note_log(run);
}

void run_compare_expectation(struct run *run, const struct scn_node *node,
				const struct scn_step *step, const struct run_outcome *out)
{
	if (out->mismatch == step->negated || run->options->no_results)
		return;
	if (step->negated) {
		if (!run_fail(run, node, RUN_MISMATCH, 0,
			      "expected this not to hold, and it does"))
			return;
	} else {
		if (!run_fail(run, node, RUN_MISMATCH, 0, "expected %s, got %s", out->expected,
			      out->actual))
			return;
		diag_note(&run->result->diag, "  script:  %s\n  actual:  %s\n", out->expected,
			  out->actual);
	}
	run_note_pictures(run);
}

void run_compare_crossings(struct run *run, const struct scn_node *node)
{
	const struct scn_crossing *line;
	const struct run_cross *cross;
	struct scn_node place;
	const char *why;
	char wanted[240];

	if (cross_end(run, &cross) || run->options->no_results || !node)
		return;
	line = &cross->step->crossing[cross->failed];
	place = *node;
	place.line = line->line;
	scn_print_crossing(line, wanted, sizeof(wanted));
	if (cross->next >= cross->active_count)
		why = "a SEAMCALL crossed that no line under this step names";
	else if (cross->actual[0])
		why = "another SEAMCALL crossed than this line says";
	else
		why = "this SEAMCALL never crossed";
	if (!run_fail(run, &place, RUN_MISMATCH, line->leaf_col, "%s", why))
		return;
	diag_note(&run->result->diag, "  script:  %s\n  actual:  %s\n", wanted,
		  cross->actual[0] ? cross->actual : "(the step ended)");
	run_note_pictures(run);
}
