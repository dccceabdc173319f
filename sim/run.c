// SPDX-License-Identifier: GPL-2.0-only
/*
 * The runner: executes steps one after the other and stops at the first that
 * does not go as the scenario says (run_compare.c). Race blocks run as tasks
 * (run_race.c). Every run ends with the scenario's condition, a teardown and the
 * last checks (run_verdict.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/run_impl.h"

#define STEP_MAX	10000000

const char *const run_verdict_names[RUN_VERDICT_NR] = {
	[RUN_OK] = "ok", [RUN_MISMATCH] = "mismatch", [RUN_INVARIANT] = "invariant",
	[RUN_HANG] = "hang", [RUN_DEADLOCK] = "deadlock", [RUN_BOUND] = "bound",
	[RUN_ERROR] = "error", [RUN_SKIPPED] = "skipped",
};

int run_exit_status(enum run_verdict verdict)
{
	static const u8 status[RUN_VERDICT_NR] = {
		[RUN_OK] = 0, [RUN_MISMATCH] = 1, [RUN_INVARIANT] = 3, [RUN_HANG] = 1,
		[RUN_DEADLOCK] = 3, [RUN_BOUND] = 5, [RUN_ERROR] = 2, [RUN_SKIPPED] = 0,
	};

	return status[verdict];
}

static struct env *run_env(const struct run *run)
{
	return run->sim->env;
}

bool run_fail(struct run *run, const struct scn_node *node, enum run_verdict verdict, u32 col,
	      const char *fmt, ...)
{
	char text[DIAG_TEXT_MAX], source[SCN_LINE_MAX + 1] = "";
	struct diag_place at = { 0 };
	va_list args;

	if (run->result->verdict != RUN_OK)
		return false;
	run->result->verdict = verdict;
	run->result->failed_step = run->step;
	run->stop = true;
	if (run->options->terse)
		return true;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (run->scn)
		at.file = run->scn->file[0].name;
	if (run->scn && node) {
		at = scn_place(run->scn, node, col);
		scn_source_line(run->scn, node->file, node->line, source, sizeof(source));
	}
	diag_set(&run->result->diag, at, source, "%s", text);
	return true;
}

/* ---- One step ---- */

static void step_prepare(struct run *run, const struct scn_step *step)
{
	struct env *env = run_env(run);
	struct task *task = current_task(env);
	u32 cpus = run->sim->hw->cpu_count;

	env->checker.step = run->step;
	task->signal_pending = step->signal;
	if (step->cpu >= 0)
		task->cpu = hw_cpu_or_boot(run->sim->hw, step->cpu % cpus);
	else if (!run->in_race)
		task->cpu = 0;
	if (step->fail_alloc)
		env->injector.alloc_fail_nth = env->injector.alloc_count + step->fail_alloc;
	env->injector.oom_after_fault = step->oom_after_fault;
	cross_begin(run, step);
}

static u64 hash_mix(u64 hash, u64 value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
}

/* (fail_alloc=N) counts allocations of its own step only. */
static void step_end_fail_alloc(struct run *run, const struct scn_node *node,
				const struct scn_step *step)
{
	struct injector *injector = &run_env(run)->injector;

	injector->oom_after_fault = injector->oom = false;
	if (!step->fail_alloc)
		return;
	if (injector->alloc_fail_nth > injector->alloc_count)
		run_fail(run, node, RUN_ERROR, 0,
			 "fail_alloc=%u never fired: the step made fewer allocations",
			 step->fail_alloc);
	injector->alloc_fail_nth = 0;
}

/* `test measure` is about the next step that asks somebody for something. */
static void take_measure(struct run *run, const struct scn_step *step)
{
	run->world.measuring = MEASURE_NONE;
	if (step->verb->result == VERB_NO_RESULT)
		return;
	run->world.measuring = run->world.measure;
	run->world.measure = MEASURE_NONE;
}

/* A host that is down, or a thread that never comes back, takes no more steps. */
static bool measured_to_the_end(struct run *run)
{
	struct host_hold_view view = { 0 };

	if (!run->world.measured)
		return false;
	step_ops(run)->probe_hold(step_host(run), &view);
	return view.host_down || run->world.hung || run_env(run)->checker.bug_count;
}

bool run_step(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct scn_node *node = run->node;
	struct env *env = run_env(run);
	struct run_outcome local;
	u64 max = run->options->step_max ? run->options->step_max : STEP_MAX;

	if (!out)
		out = &local;
	memset(out, 0, sizeof(*out));
	if (measured_to_the_end(run))
		return true;
	if (run->result->steps >= max) {
		run_fail(run, node, RUN_BOUND, 0, "%llu steps and no end",
			 (unsigned long long)max);
		return false;
	}
	run->step = ++run->result->steps;
	check_hit(env, INV_OPERATION_ENDS);
	if (run->world.teardown_line && step->actor.kind != ACTOR_EXPECT) {
		run_fail(run, node, RUN_ERROR, 0, "everything is gone since line %u, one can only look",
			 run->world.teardown_line);
		return false;
	}
	step_prepare(run, step);
	take_measure(run, step);
	if (run->options->picture_step == run->step) {
		run->picture_node = node;
		run_picture(run, step, run->result->before, sizeof(run->result->before));
	}
	step->verb->handler(run, step, out);
	if (env->sched.hang && !run->in_race) {
		out->result = (struct scn_result){ .kind = RESULT_HANG };
		env->sched.hang = false;
		run->world.hung = true;
		run->world.broken_expected |= 1u << INV_OPERATION_ENDS;
	}
	if (run->options->picture_step == run->step)
		run_picture(run, step, run->result->after, sizeof(run->result->after));
	run->result->trace_hash = hash_mix(run->result->trace_hash,
					   out->result.number ^ (u64)out->result.kind << 56);
	if (out->bad_input)
		run_fail(run, node, RUN_ERROR, 0, "%s", out->text);
	else if (step->verb->result != VERB_NO_RESULT)
		run_compare_result(run, node, step, out);
	if (!run->stop && (step->verb->result == VERB_NO_RESULT || out->mismatch))
		run_compare_expectation(run, node, step, out);
	run_compare_crossings(run, node);
	step_end_fail_alloc(run, node, step);
	invariants_check(run, false);
	if (run->options->on_step)
		run->options->on_step(run->options->on_step_ctx, run, step, out);
	if (run->options->keep_going && run->result->verdict == RUN_MISMATCH)
		run->stop = false;
	return !run->stop;
}

/* ---- Lines ---- */

static void run_nodes(struct run *run, const struct scn_node *node, u32 count);

void run_step_node(struct run *run, const struct scn_node *node)
{
	const struct run_options *options = run->options;
	struct scn_step filled;
	const struct scn_step *step = node->step;
	char why[DIAG_TEXT_MAX];
	u32 col = 0;

	if (step->limit_count &&
	    !run_limits_hold(run->scn, options->variant, &run->sim->config, step->limit,
			     step->limit_count))
		return;
	run->node = node;
	if (step->has_variable) {
		if (!run_fill(run->scn, options->variant, run->scope, step, &filled, &col, why,
			      sizeof(why))) {
			run_fail(run, node, RUN_ERROR, col, "%s", why);
			return;
		}
		step = &filled;
	}
	run_step(run, step, NULL);
}

static void run_use(struct run *run, const struct scn_node *node)
{
	struct run_scope scope = { node, node->body, node->body_count, run->scope };

	run->scope = &scope;
	run_nodes(run, node->body, node->body_count);
	run->scope = scope.parent;
}

static void run_nodes(struct run *run, const struct scn_node *node, u32 count)
{
	u32 i, n;

	for (i = 0; i < count && !run->stop; i++) {
		switch (node[i].kind) {
		case SCN_STEP:
			run_step_node(run, &node[i]);
			break;
		case SCN_USE:
			run_use(run, &node[i]);
			break;
		case SCN_REPEAT:
			for (n = 0; n < node[i].count && !run->stop; n++)
				run_nodes(run, node[i].body, node[i].body_count);
			break;
		case SCN_RACE:
			run_race(run, &node[i]);
			break;
		default:
			break;
		}
	}
}

/* ---- Beginning and end ---- */

static const struct scn_node *find_condition(const struct scn *scn)
{
	u32 i;

	for (i = 0; scn && i < scn->node_count; i++)
		if (scn->node[i].kind == SCN_CONDITION)
			return &scn->node[i];
	return NULL;
}

void run_begin(struct run *run, struct sim *sim, const struct scn *scn,
	       const struct run_options *options, struct run_result *result)
{
	memset(run, 0, offsetof(struct run, notes));
	run->notes.log_count = run->notes.error_count = 0;
	run->notes.first_error_step = 0;
	run->notes.fault_seen = false;
	run->notes.first_error[0] = '\0';
	memset(result, 0, sizeof(*result));
	run->sim = sim;
	run->scn = scn;
	run->options = options;
	run->result = result;
	run->condition = find_condition(scn);
	sim_reset(sim);
	sim->env->trace.listener = run_listen;
	sim->env->trace.ctx = run;
	sim->env->trace.mask = RUN_LISTEN | options->listener_mask;
	cross_begin(run, &(struct scn_step){ 0 });
}

void run_end(struct run *run)
{
	struct env *env = run_env(run);
	bool stuck = env->sched.deadlock;

	run->node = NULL;
	run_check_condition(run);
	if (!run->stop)
		run_check_injections(run);
	if (!stuck && (!run->stop || run->result->verdict == RUN_MISMATCH)) {
		invariants_check(run, true);
		if (!run->options->no_teardown && !run->stop && !run->world.teardown_line) {
			run->step = env->checker.step = run->result->steps + 1;
			current_task(env)->cpu = 0;
			current_task(env)->signal_pending = false;
			step_ops(run)->teardown(step_host(run));
			invariants_check(run, true);
		}
	}
	if (!run->stop)
		run_check_unasked(run);
	run_gather_broken(run);
	run_fail_broken(run);
	run->result->seamcalls = env->injector.seamcall_count;
	env->trace.mask = 0;
	env->trace.listener = NULL;
}

bool run_to_race(struct run *run, u32 skip, u32 *index)
{
	u32 i;

	for (i = 0; i < run->scn->node_count && !run->stop; i++) {
		if (run->scn->node[i].kind == SCN_RACE && !skip--) {
			*index = i;
			return true;
		}
		run_nodes(run, &run->scn->node[i], 1);
	}
	return false;
}

void run_from(struct run *run, u32 index)
{
	run->in_race = false;
	if (index < run->scn->node_count)
		run_nodes(run, &run->scn->node[index], run->scn->node_count - index);
}

void run_line(struct run *run, const struct scn_node *node, const struct run_scope *scope)
{
	run->scope = scope;
	run_nodes(run, node, 1);
}

void run_scenario(struct sim *sim, const struct scn *scn, const struct run_options *options,
		  struct run_result *result)
{
	const struct run_scope top = { NULL, scn->node, scn->node_count, NULL };
	struct run run;

	run_begin(&run, sim, scn, options, result);
	run.scope = &top;
	run_nodes(&run, scn->node, scn->node_count);
	run_end(&run);
}
