// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a whole run comes to, after its last step: the scenario's condition,
 * injections that never fired, WARNs and errors nobody expected, invariants that
 * broke without being declared.
 */
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"

bool run_condition(struct run *run)
{
	const struct scn_node *condition = run->condition;
	struct run_outcome out;
	u32 i;

	for (i = 0; i < condition->body_count; i++) {
		const struct scn_step *step = condition->body[i].step;

		memset(&out, 0, sizeof(out));
		step->verb->handler(run, step, &out);
		if (out.mismatch != step->negated)
			return false;
	}
	return true;
}

/* One schedule cannot prove a verdict, but it can break one. */
void run_check_condition(struct run *run)
{
	bool stuck = run->result->verdict == RUN_DEADLOCK || run->result->verdict == RUN_HANG;

	/* What the tasks got stuck in may be what the condition is about. */
	if (!run->condition || (run->stop && !stuck))
		return;
	run->result->condition = run_condition(run);
	if (run->stop)
		return;
	if (run->scn->verdict == SCN_NEVER && run->result->condition)
		run_fail(run, run->condition, RUN_MISMATCH, 0,
			 "the verdict is Never, and this run has it");
	if (run->scn->verdict == SCN_ALWAYS && !run->result->condition)
		run_fail(run, run->condition, RUN_MISMATCH, 0,
			 "the verdict is Always, and this run has it not");
}

void run_check_injections(struct run *run)
{
	const struct injector *injector = &run->sim->env->injector;
	struct scn_node place = { .col = 1 };
	char leaf[64];
	u32 i;

	for (i = 0; i < injector->rule_count && !run->options->no_results; i++) {
		const struct inject_rule *rule = &injector->rule[i];

		if (rule->fired || !rule->line)
			continue;
		place.line = rule->line & 0xffffff;
		place.file = rule->line >> 24;
		scn_print_leaf(false, rule->leaf, leaf, sizeof(leaf));
		run_fail(run, &place, RUN_ERROR, 0,
			 "the injection never fired: %s was called %u times since, this is about call %u",
			 leaf, rule->seen, rule->nth);
	}
}

/* The @nth (from 0) line of the log that is a WARN or BUG; a stand-in when it was not kept. */
static const struct run_log *warn_line(const struct run *run, enum kmsg_level level, u32 nth)
{
	static const struct run_log none = { .text = "(the log does not hold it any more)" };
	const struct run_notes *notes = &run->notes;
	u32 i;

	for (i = 0; i < notes->log_count && i < RUN_LOG_MAX; i++)
		if (notes->log[i].level == level && !nth--)
			return &notes->log[i];
	return &none;
}

static void unasked_warn(struct run *run, enum kmsg_level level, const char *word, u32 count,
			 u32 expected)
{
	const struct run_log *line = warn_line(run, level, expected);

	if (count <= expected)
		return;
	run->sim->env->checker.step = line->step;
	check_fail(run->sim->env, INV_NO_UNASKED_ERROR, "%u %s, %u expected: %s", count, word,
		   expected, line->text);
}

void run_check_unasked(struct run *run)
{
	struct env *env = run->sim->env;
	const struct run_notes *notes = &run->notes;
	u32 step = env->checker.step;

	check_hit(env, INV_NO_UNASKED_ERROR);
	if (run->options->tolerate_faults)
		return;
	unasked_warn(run, KMSG_WARN, "WARN", env->checker.warn_count, run->world.warn_expected);
	unasked_warn(run, KMSG_BUG, "BUG", env->checker.bug_count, run->world.bug_expected);
	if (notes->error_count) {
		env->checker.step = notes->first_error_step;
		check_fail(env, INV_NO_UNASKED_ERROR, "%s", notes->first_error);
	}
	env->checker.step = step;
}

/*
 * The step that broke something is known by its number; its line is known to the
 * second run, which was asked to look at that step.
 */
void run_fail_broken(struct run *run)
{
	struct env *env = run->sim->env;
	u32 unexpected = run->result->broken & ~run->world.broken_expected, i;
	bool in_teardown;

	if (run->result->verdict != RUN_OK)
		return;
	for (i = 0; i < env->checker.broken_count; i++) {
		const struct broken *broken = &env->checker.broken[i];

		if (!(unexpected & (1u << broken->inv)))
			continue;
		in_teardown = broken->step > run->result->steps;
		if (in_teardown)
			run_fail(run, NULL, RUN_INVARIANT, 0, "the teardown broke %s",
				 inv_name[broken->inv]);
		else
			run_fail(run, run->picture_node, RUN_INVARIANT, 0, "step %u broke %s",
				 broken->step, inv_name[broken->inv]);
		run->result->failed_step = in_teardown ? 0 : broken->step;
		diag_note(&run->result->diag, "  rule:    %s\n  found:   %s\n",
			  inv_sentence[broken->inv], broken->text);
		run_note_pictures(run);
		return;
	}
}

/* What a hold policy or the kernel answers for; the rest would be the model's mistake. */
#define BROKEN_BY_POLICY							\
	(1u << INV_FREE_FRAME_UNMAPPED | 1u << INV_HOST_NEVER_CONSUMES_TD |	\
	 1u << INV_GUEST_CONTENT_KEPT | 1u << INV_NO_DOUBLE_MAPPING |		\
	 1u << INV_OPERATION_ENDS | 1u << INV_TLB_NEVER_STALE |			\
	 1u << INV_LOCK_RULES |							\
	 1u << INV_NO_UNASKED_ERROR)

void run_gather_broken(struct run *run)
{
	struct env *env = run->sim->env;
	u32 i;

	if (run->world.measured)
		run->world.broken_expected |= BROKEN_BY_POLICY;

	for (i = 0; i < env->checker.broken_count; i++)
		run->result->broken |= 1u << env->checker.broken[i].inv;
	run->result->broken_expected = run->result->broken & run->world.broken_expected;
}
