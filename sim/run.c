// SPDX-License-Identifier: GPL-2.0-only
/*
 * The runner: executes steps one after the other, compares what came with what
 * the scenario says, stops at the first difference. The steps of a race block
 * run as tasks, one an actor. Every run ends with the scenario's condition, a
 * teardown and the last checks.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"
#include "sim/words.h"

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
	run->result->verdict = verdict;
	run->result->failed_step = run->step;
	run->stop = true;
	return true;
}

/* ---- Comparing ---- */

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

/* A line without '=' must succeed, but in a race anything may come. */
static bool result_as_written(const struct run *run, const struct scn_step *step,
			      const struct scn_result *got)
{
	const struct scn_result success = { .kind = RESULT_ERRNO };
	u32 i;

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

static void note_pictures(struct run *run)
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

static void compare_result(struct run *run, const struct scn_node *node,
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
	note_pictures(run);
	note_log(run);
}

static void compare_expectation(struct run *run, const struct scn_node *node,
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
	note_pictures(run);
}

static void compare_crossings(struct run *run, const struct scn_node *node)
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
	note_pictures(run);
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
		task->cpu = step->cpu % cpus;
	else if (!run->in_race)
		task->cpu = 0;
	if (step->fail_alloc)
		env->injector.alloc_fail_nth = env->injector.alloc_count + step->fail_alloc;
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

	if (!step->fail_alloc)
		return;
	if (injector->alloc_fail_nth > injector->alloc_count)
		run_fail(run, node, RUN_ERROR, 0,
			 "fail_alloc=%u never fired: the step made fewer allocations",
			 step->fail_alloc);
	injector->alloc_fail_nth = 0;
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
	if (run->result->steps >= max) {
		run_fail(run, node, RUN_BOUND, 0, "%llu steps and no end",
			 (unsigned long long)max);
		return false;
	}
	run->step = ++run->result->steps;
	if (run->world.teardown_line && step->actor.kind != ACTOR_EXPECT) {
		run_fail(run, node, RUN_ERROR, 0, "everything is gone since line %u, one can only look",
			 run->world.teardown_line);
		return false;
	}
	step_prepare(run, step);
	if (run->options->picture_step == run->step) {
		run->picture_node = node;
		run_picture(run, step, run->result->before, sizeof(run->result->before));
	}
	step->verb->handler(run, step, out);
	if (env->sched.hang && !run->in_race) {
		out->result = (struct scn_result){ .kind = RESULT_HANG };
		env->sched.hang = false;
		run->world.broken_expected |= 1u << INV_OPERATION_ENDS;
	}
	if (run->options->picture_step == run->step)
		run_picture(run, step, run->result->after, sizeof(run->result->after));
	run->result->trace_hash = hash_mix(run->result->trace_hash,
					   out->result.number ^ (u64)out->result.kind << 56);
	if (out->bad_input)
		run_fail(run, node, RUN_ERROR, 0, "%s", out->text);
	else if (step->verb->result != VERB_NO_RESULT)
		compare_result(run, node, step, out);
	if (!run->stop && (step->verb->result == VERB_NO_RESULT || out->mismatch))
		compare_expectation(run, node, step, out);
	compare_crossings(run, node);
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

static void run_step_node(struct run *run, const struct scn_node *node)
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

/* ---- Races ---- */

struct race_actor {
	struct run *run;
	const struct scn_node *race;
	const struct scn_actor *actor;
};

static bool same_actor(const struct scn_actor *a, const struct scn_actor *b)
{
	return a->kind == b->kind && a->td == b->td && a->vcpu == b->vcpu;
}

/* A task's life: its actor's lines of the block, in order. */
static void race_task(void *arg)
{
	const struct race_actor *me = arg;
	u32 i;

	for (i = 0; i < me->race->body_count && !me->run->stop; i++) {
		const struct scn_node *node = &me->race->body[i];

		if (node->kind == SCN_STEP && same_actor(&node->step->actor, me->actor))
			run_step_node(me->run, node);
	}
}

static bool race_has_earlier(const struct scn_node *race, u32 index)
{
	u32 i;

	for (i = 0; i < index; i++)
		if (race->body[i].kind == SCN_STEP &&
		    same_actor(&race->body[i].step->actor, &race->body[index].step->actor))
			return true;
	return false;
}

static void actor_name(const struct scn_actor *actor, char *name, size_t size)
{
	struct scn_value vcpu = { .id = actor->td << 8 | actor->vcpu };

	if (actor->kind == ACTOR_VCPU)
		scn_print_value(TYPE_VCPU, &vcpu, name, size);
	else if (actor->vcpu)
		snprintf(name, size, "%s%u", actor_names[actor->kind], actor->vcpu);
	else
		snprintf(name, size, "%s", actor_names[actor->kind]);
}

void run_race_start(struct run *run, const struct scn_node *race)
{
	struct env *env = run_env(run);
	char name[TASK_NAME_MAX];
	u32 i, cpu = 0;
	int id;

	run->in_race = true;
	for (i = 0; i < race->body_count; i++) {
		const struct scn_node *node = &race->body[i];
		struct race_actor *actor;

		if (node->kind != SCN_STEP || race_has_earlier(race, i))
			continue;
		actor = arena_alloc(env->arena, sizeof(*actor));
		*actor = (struct race_actor){ run, race, &node->step->actor };
		actor_name(actor->actor, name, sizeof(name));
		id = task_create(env, name, race_task, actor);
		if (id < 0) {
			run_fail(run, node, RUN_ERROR, 0, "too many actors in this race");
			return;
		}
		env->sched.task[id].cpu = cpu++ % run->sim->hw->cpu_count;
	}
}

static void run_race(struct run *run, const struct scn_node *race)
{
	struct env *env = run_env(run);

	run_race_start(run, race);
	if (!run->stop)
		task_run_all(env);
	run->in_race = false;
	if (env->sched.deadlock)
		run_fail(run, race, RUN_DEADLOCK, 0, "all tasks of this race wait for each other");
	else if (env->sched.hang)
		run_fail(run, race, RUN_HANG, 0, "a task of this race waits for what cannot come");
	if (run->result->verdict == RUN_DEADLOCK && env->checker.broken_count)
		diag_note(&run->result->diag, "  %s\n",
			  env->checker.broken[env->checker.broken_count - 1].text);
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
static void check_condition(struct run *run)
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

static void check_injections(struct run *run)
{
	const struct injector *injector = &run_env(run)->injector;
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
	run_env(run)->checker.step = line->step;
	check_fail(run_env(run), INV_NO_UNASKED_ERROR, "%u %s, %u expected: %s", count, word,
		   expected, line->text);
}

static void check_unasked(struct run *run)
{
	struct env *env = run_env(run);
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
static void fail_broken(struct run *run)
{
	struct env *env = run_env(run);
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
		note_pictures(run);
		return;
	}
}

static void gather_broken(struct run *run)
{
	struct env *env = run_env(run);
	u32 i;

	for (i = 0; i < env->checker.broken_count; i++)
		run->result->broken |= 1u << env->checker.broken[i].inv;
	run->result->broken_expected = run->result->broken & run->world.broken_expected;
}

void run_end(struct run *run)
{
	struct env *env = run_env(run);
	bool stuck = env->sched.deadlock;

	run->node = NULL;
	check_condition(run);
	if (!run->stop)
		check_injections(run);
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
		check_unasked(run);
	gather_broken(run);
	fail_broken(run);
	run->result->seamcalls = env->injector.seamcall_count;
	env->trace.mask = 0;
	env->trace.listener = NULL;
}

bool run_to_race(struct run *run, u32 *index)
{
	u32 i;

	for (i = 0; i < run->scn->node_count && !run->stop; i++) {
		if (run->scn->node[i].kind == SCN_RACE) {
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
