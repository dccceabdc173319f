// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sweep: the fault-free run tells which SEAMCALLs cross and how many
 * allocations there are; then one run a fault. A run in which the fault no
 * longer fires (the calls before it changed) is counted but has no outcome.
 *
 * What is allowed unless the scenario says otherwise: the kernel may absorb the
 * fault, answer with an error, or give the VM up; nothing may break. A module
 * that lies, or does what it says it did not do, breaks its contract: then any
 * invariant may break and a guest may never get on, but the host may not crash.
 * A hold policy that does not protect from a fault is its own finding: these have
 * a row each in sweep_allowed.def.
 *
 * Pairs: every two SEAMCALLs of the run, each refused with the first status of
 * its row. All statuses of both would be millions of runs.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/run_impl.h"
#include "sim/sweep.h"
#include "sim/words.h"

const char *const sweep_class_name[SWEEP_CLASS_NR] = {
	[SWEEP_ABSORBED] = "absorbed", [SWEEP_ANSWERED] = "answered",
	[SWEEP_VM_DEAD] = "vm-dead", [SWEEP_INVARIANT] = "invariant",
	[SWEEP_HOST_BUG] = "host-bug", [SWEEP_HANG] = "hang",
	[SWEEP_DEADLOCK] = "deadlock", [SWEEP_BOUND] = "bound", [SWEEP_STOPPED] = "stopped",
};

const char *const inject_kind_name[] = {
	[INJECT_NONE] = "alloc", [INJECT_REFUSE] = "refuse", [INJECT_LATE] = "late",
	[INJECT_LIE] = "lie", [INJECT_BUSY] = "busy",
};

/* So many allocations are tried for each call that --calls asks for. */
#define ALLOCATIONS_A_CALL	16

/*
 * A run this big (a scenario that converts gigabytes) is swept thinly, unless all
 * is asked for: the first call of each leaf only. Whatever is left out is counted.
 */
#define BIG_RUN			20000u

#define ALLOWED_CLASSES (1u << SWEEP_ABSORBED | 1u << SWEEP_ANSWERED | \
			 1u << SWEEP_VM_DEAD | 1u << SWEEP_STOPPED)
#define BREAKS_CONTRACT (1u << INJECT_LATE | 1u << INJECT_LIE)

#define SWEEP_ANY_LEAF	0xffff

static const struct policy_finding {
	const char *policy;
	u16 leaf;
	const char *outcome, *why;
} policy_findings[] = {
#define SWEEP_ALLOWED(policy, leaf, outcome, why)	{ policy, leaf, outcome, why },
#include "sim/sweep_allowed.def"
#undef SWEEP_ALLOWED
};

void sweep_print_fault(const struct sweep_fault *fault, char *text, size_t size)
{
	char leaf[64], value[80];
	struct scn_value status = { .number = fault->status };

	if (fault->kind == INJECT_NONE) {
		snprintf(text, size, "inject alloc nth=%u", fault->nth);
		return;
	}
	scn_print_leaf(false, fault->leaf, leaf, sizeof(leaf));
	snprintf(text, size, "inject %s nth=%u kind=%s", leaf, fault->nth,
		 inject_kind_name[fault->kind]);
	if (fault->kind == INJECT_LIE)
		return;
	if (fault->kind == INJECT_BUSY)
		scn_print_value(TYPE_OPERAND_ID, &status, value, sizeof(value));
	else
		scn_print_value(TYPE_STATUS, &status, value, sizeof(value));
	snprintf(text + strlen(text), size - strlen(text), " %s=%s",
		 fault->kind == INJECT_BUSY ? "operand" : "status", value);
}

/* -- What the scenario allows -- */

static bool allow_word(struct sweep *sweep, const char *word)
{
	const struct word *invariant = word_find(WORDS_INVARIANT, word);
	u32 i;

	for (i = 0; i < SWEEP_CLASS_NR; i++)
		if (!strcmp(sweep_class_name[i], word)) {
			sweep->allowed_classes |= 1u << i;
			return true;
		}
	if (!invariant)
		return false;
	sweep->allowed_classes |= 1u << SWEEP_INVARIANT;
	sweep->allowed_broken |= 1u << invariant->number;
	return true;
}

/* @node: the line they stand in, NULL for the command line. */
static bool allow_words(struct sweep *sweep, const struct scn_node *node, const char *list,
			struct diag *diag)
{
	struct diag_place at = { 0 };
	char text[SCN_LINE_MAX], *word, *rest;

	snprintf(text, sizeof(text), "%s", list);
	for (word = strtok_r(text, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest)) {
		if (allow_word(sweep, word))
			continue;
		if (node)
			at = scn_place(sweep->scn, node, node->col);
		diag_set(diag, at, NULL, "allowed '%s' is neither an outcome nor an invariant", word);
		return false;
	}
	return true;
}

bool sweep_read_allow(struct sweep *sweep, const char *more, struct diag *diag)
{
	u32 i;

	sweep->allowed_classes |= ALLOWED_CLASSES;
	if (more && !allow_words(sweep, NULL, more, diag))
		return false;
	for (i = 0; i < sweep->scn->node_count; i++) {
		const struct scn_node *node = &sweep->scn->node[i];
		const char *text = node->comment;

		if (node->kind != SCN_COMMENT || !text)
			continue;
		text += strspn(text, "# ");
		if (strncmp(text, "Allow:", 6))
			continue;
		if (!allow_words(sweep, node, text + 6, diag))
			return false;
	}
	return true;
}

/* -- One run -- */

static bool some_vm_is_dead(struct run *run)
{
	struct host_vm_view view;
	u32 vm;

	for (vm = 0; vm < HOST_OBJ_MAX; vm++)
		if (!step_ops(run)->probe_vm(step_host(run), vm, &view) && view.exists &&
		    (view.vm_dead || view.vm_bugged))
			return true;
	return false;
}

static enum sweep_class class_of(const struct run_result *result, struct env *env, bool dead,
				 u32 broken)
{
	switch (result->verdict) {
	case RUN_HANG:
		return SWEEP_HANG;
	case RUN_DEADLOCK:
		return SWEEP_DEADLOCK;
	case RUN_BOUND:
		return SWEEP_BOUND;
	default:
		break;
	}
	if (env->checker.bug_count)
		return SWEEP_HOST_BUG;
	if (broken)
		return SWEEP_INVARIANT;
	if (dead)
		return SWEEP_VM_DEAD;
	if (result->verdict == RUN_ERROR || result->verdict == RUN_SKIPPED)
		return SWEEP_STOPPED;
	return result->others ? SWEEP_ANSWERED : SWEEP_ABSORBED;
}

static void arm(struct env *env, const struct sweep_fault *fault)
{
	struct inject_rule rule = {
		.leaf = fault->leaf, .kind = fault->kind, .nth = fault->nth, .times = 1,
		.status = fault->status,
	};

	if (fault->kind == INJECT_NONE)
		env->injector.alloc_fail_nth = env->injector.alloc_count + fault->nth;
	else if (inject_add(env, &rule))
		internal_error("no room for a fault");
}

static bool all_fired(const struct env *env, const struct sweep_cell *cell)
{
	u32 i, rule = 0;

	for (i = 0; i < cell->fault_count; i++) {
		if (cell->fault[i].kind == INJECT_NONE) {
			if (!env->injector.alloc_fired)
				return false;
		} else if (!env->injector.rule[rule++].fired) {
			return false;
		}
	}
	return true;
}

static void run_with(struct sweep *sweep, struct sweep_cell *cell, struct run_result *result)
{
	const struct scn *scn = sweep->scn;
	const struct run_scope top = { NULL, scn->node, scn->node_count, NULL };
	struct env *env = sweep->sim->env;
	bool dead;
	u32 i;

	run_begin(sweep->run, sweep->sim, scn, &sweep->options, result);
	sweep->run->scope = &top;
	for (i = 0; i < cell->fault_count; i++)
		arm(env, &cell->fault[i]);
	run_from(sweep->run, 0);
	dead = some_vm_is_dead(sweep->run);
	run_end(sweep->run);
	cell->fired = all_fired(env, cell);
	cell->broken = result->broken & ~result->broken_expected;
	cell->class = class_of(result, env, dead, cell->broken);
	snprintf(cell->text, sizeof(cell->text), "%.199s",
		 env->checker.broken_count ? env->checker.broken[0].text : "");
}

static bool hits_leaf(const struct sweep_cell *cell, u16 leaf)
{
	u32 i;

	for (i = 0; i < cell->fault_count; i++)
		if (leaf == SWEEP_ANY_LEAF ||
		    (cell->fault[i].kind != INJECT_NONE && cell->fault[i].leaf == leaf))
			return true;
	return false;
}

/* What the policy lets happen when @cell's faults hit: classes and invariants. */
static void allowed_by_policy(const struct sweep *sweep, const struct sweep_cell *cell,
			      u32 *classes, u32 *broken)
{
	struct sweep words = { 0 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(policy_findings); i++) {
		const struct policy_finding *row = &policy_findings[i];

		if (!sweep->policy || strcmp(row->policy, sweep->policy) ||
		    !hits_leaf(cell, row->leaf))
			continue;
		if (!allow_word(&words, row->outcome))
			internal_error("sweep_allowed.def: no outcome '%s'", row->outcome);
	}
	*classes = words.allowed_classes;
	*broken = words.allowed_broken;
}

static bool is_allowed(const struct sweep *sweep, const struct sweep_cell *cell)
{
	u32 classes, broken, i;

	if (cell->class == SWEEP_INVARIANT || cell->class == SWEEP_HANG) {
		for (i = 0; i < cell->fault_count; i++)
			if (BREAKS_CONTRACT & 1u << cell->fault[i].kind)
				return true;
	}
	allowed_by_policy(sweep, cell, &classes, &broken);
	if (cell->class == SWEEP_INVARIANT)
		return !(cell->broken & ~(sweep->allowed_broken | broken));
	return (sweep->allowed_classes | classes) & 1u << cell->class;
}

/* Runs @cell, counts it, tells it. True ends the sweep. */
static bool try_cell(struct sweep *sweep, struct sweep_cell *cell)
{
	struct run_result result;
	u32 inv;

	run_with(sweep, cell, &result);
	sweep->cells++;
	cell->allowed = !cell->fired || is_allowed(sweep, cell);
	if (cell->fired) {
		sweep->class_count[cell->class]++;
		for (inv = 1; inv < INV_NR; inv++)
			sweep->broken_count[inv] += cell->broken >> inv & 1;
		sweep->not_allowed += !cell->allowed;
	}
	return sweep->cell(sweep->ctx, cell);
}

/* -- All runs -- */

static bool sweep_statuses(struct sweep *sweep, u16 leaf, u32 nth, u8 kind)
{
	const struct tdx_leaf_info *info = &tdx_leaf_info[leaf];
	u32 i;

	for (i = 0; i < info->status_count; i++) {
		struct sweep_cell cell = {
			.fault = { { kind, leaf, nth, info->status[i] } }, .fault_count = 1,
		};

		if (kind == INJECT_BUSY) {
			if (TDX_STATUS(info->status[i]) != TDX_OPERAND_BUSY)
				continue;
			cell.fault[0].status = TDX_DETAILS(info->status[i]);
		}
		if (try_cell(sweep, &cell))
			return true;
	}
	return false;
}

static bool sweep_instance(struct sweep *sweep, u16 leaf, u32 nth)
{
	struct sweep_cell lie = { .fault = { { INJECT_LIE, leaf, nth, 0 } }, .fault_count = 1 };
	static const u8 with_status[] = { INJECT_REFUSE, INJECT_LATE, INJECT_BUSY };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(with_status); i++)
		if (sweep->kinds & 1u << with_status[i] &&
		    sweep_statuses(sweep, leaf, nth, with_status[i]))
			return true;
	return sweep->kinds & 1u << INJECT_LIE && try_cell(sweep, &lie);
}

static struct sweep_fault first_refusal(const struct sweep_call *call)
{
	return (struct sweep_fault){ INJECT_REFUSE, call->leaf, call->nth,
				     tdx_leaf_info[call->leaf].status[0] };
}

static bool sweep_pairs(struct sweep *sweep)
{
	u32 i, k;

	for (i = 0; i < sweep->seamcalls; i++) {
		for (k = i + 1; k < sweep->seamcalls; k++) {
			struct sweep_cell cell = { .fault_count = 2 };

			cell.fault[0] = first_refusal(&sweep->call[i]);
			cell.fault[1] = first_refusal(&sweep->call[k]);
			if (try_cell(sweep, &cell))
				return true;
		}
	}
	return false;
}

/* Until one does not fire any more, or as many as there may be. */
static bool sweep_allocations(struct sweep *sweep)
{
	struct sweep_cell cell = { .fault_count = 1, .fired = true };
	u32 max = sweep->per_leaf ? sweep->per_leaf * ALLOCATIONS_A_CALL : ~0u, nth;

	/* One more than there are: the run without a fault, that shows the end. */
	if (max > sweep->allocations)
		max = sweep->allocations + 1;
	else
		sweep->left_out[SWEEP_ALLOCATIONS] = sweep->allocations - max;
	for (nth = 1; cell.fired && nth <= max; nth++) {
		if (nth <= sweep->allocations_placed && sweep->alloc_met[nth])
			continue;
		cell.fault[0] = (struct sweep_fault){ .kind = INJECT_NONE, .nth = nth };
		if (try_cell(sweep, &cell))
			return true;
	}
	return false;
}

static void note_call(void *ctx, const struct trace_event *event)
{
	struct sweep *sweep = ctx;
	u16 leaf = event->call.rax;
	u32 nth;

	/* What is no leaf has no status of its own to fail with. */
	if (leaf >= TDX_LEAF_MAX)
		return;
	nth = ++sweep->leaf_calls[leaf];
	if (sweep->per_leaf && nth > sweep->per_leaf)
		return;
	if (sweep->seamcalls % 1024 == 0) {
		sweep->call = realloc(sweep->call,
				      (sweep->seamcalls + 1024) * sizeof(*sweep->call));
		if (!sweep->call)
			internal_error("no memory for %u SEAMCALLs", sweep->seamcalls);
	}
	sweep->call[sweep->seamcalls++] = (struct sweep_call){ leaf, nth, false };
}

/* What came since the step before is this step's, and has its past. */
static void place_calls(struct sweep *sweep)
{
	const struct injector *injector = &sweep->sim->env->injector;
	u32 count = injector->alloc_count - sweep->boot_allocations;

	for (; sweep->calls_placed < sweep->seamcalls; sweep->calls_placed++) {
		struct sweep_call *call = &sweep->call[sweep->calls_placed];

		call->met = !sweep_past_is_new(&sweep->past, sweep->pasts, call->leaf, call->nth);
		sweep->met += call->met;
	}
	sweep->alloc_met = realloc(sweep->alloc_met, count + 1);
	if (!sweep->alloc_met)
		internal_error("no memory for %u allocations", count);
	while (sweep->allocations_placed < count) {
		u32 nth = ++sweep->allocations_placed;

		sweep->alloc_met[nth] = !sweep_past_is_new(&sweep->past, sweep->pasts,
							   SWEEP_ALLOCATIONS, nth);
		sweep->met += sweep->alloc_met[nth];
	}
}

static void note_step(void *ctx, const struct run *run, const struct scn_step *step,
		      const struct run_outcome *out)
{
	struct sweep *sweep = ctx;

	sweep_past_step(&sweep->past, sweep->pasts, run, step);
	place_calls(sweep);
}

static void thin_out(struct sweep *sweep)
{
	u32 i, kept = 0;

	for (i = 0; i < sweep->seamcalls; i++)
		if (sweep->call[i].nth <= sweep->per_leaf)
			sweep->call[kept++] = sweep->call[i];
	sweep->seamcalls = kept;
}

static void count_left_out(struct sweep *sweep)
{
	u32 leaf;

	for (leaf = 0; sweep->per_leaf && leaf < TDX_LEAF_MAX; leaf++)
		if (sweep->leaf_calls[leaf] > sweep->per_leaf)
			sweep->left_out[leaf] = sweep->leaf_calls[leaf] - sweep->per_leaf;
}

/* The run without a fault: it must be good, and says what there is to fail. */
static bool record_calls(struct sweep *sweep, struct run_result *result)
{
	const struct injector *injector = &sweep->sim->env->injector;
	struct run_options plain = sweep->options;

	sim_reset(sweep->sim);
	sweep->boot_allocations = injector->alloc_count;
	if (sweep->pasts) {
		sweep_past_begin(&sweep->past, sweep->pasts, &sweep->sim->config);
		plain.on_step = note_step;
		plain.on_step_ctx = sweep;
	}
	plain.listener = note_call;
	plain.listener_ctx = sweep;
	plain.listener_mask = 1u << TRACE_SEAMCALL;
	run_scenario(sweep->sim, sweep->scn, &plain, result);
	sweep->allocations = injector->alloc_count - sweep->boot_allocations;
	/* What is left is teardown's, behind the whole scenario. */
	if (sweep->pasts)
		place_calls(sweep);
	if (sweep->thin && sweep->per_leaf != 1 &&
	    sweep->allocations + result->seamcalls > BIG_RUN) {
		sweep->per_leaf = 1;
		thin_out(sweep);
	}
	count_left_out(sweep);
	sweep->options.no_results = true;
	sweep->options.tolerate_faults = true;
	return result->verdict == RUN_OK;
}

bool sweep_run(struct sweep *sweep, struct run_result *result)
{
	bool good = record_calls(sweep, result), over = false;
	u32 i;

	sweep->run = aligned_alloc(64, ALIGN_UP(sizeof(*sweep->run), 64));
	if (!sweep->run)
		internal_error("no memory for a run");
	for (i = 0; good && !over && i < sweep->seamcalls; i++)
		over = !sweep->call[i].met &&
		       sweep_instance(sweep, sweep->call[i].leaf, sweep->call[i].nth);
	if (good && !over && sweep->kinds & 1u << INJECT_NONE)
		over = sweep_allocations(sweep);
	if (good && !over && sweep->pairs)
		sweep_pairs(sweep);
	free(sweep->run);
	free(sweep->call);
	free(sweep->alloc_met);
	sweep->run = NULL;
	sweep->call = NULL;
	sweep->alloc_met = NULL;
	return good;
}
