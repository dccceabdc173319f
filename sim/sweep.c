// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sweep: the fault-free run tells which SEAMCALLs cross and how many
 * allocations there are; then one run a fault. A run in which the fault no
 * longer fires (the calls before it changed) is counted but has no outcome.
 *
 * Pairs: every two SEAMCALLs of the run, each refused with the first status of
 * its row. All statuses of both would be millions of runs.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/run_impl.h"
#include "sim/sweep_try.h"

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
/* Bytes a machine uses: a cell compares and puts back about as much. */
#define BIG_MACHINE		(2u << 20)

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

/* -- One cell -- */

/* Runs @cell, counts it, tells it. True ends the sweep. @line: of the first fault. */
static bool try_cell(struct sweep *sweep, struct sweep_cell *cell, u32 line)
{
	u32 inv;

	sweep_try_cell(sweep->try, cell, line);
	sweep->cells++;
	cell->allowed = !cell->fired || sweep_is_allowed(sweep, cell);
	if (cell->fired) {
		sweep->class_count[cell->class]++;
		for (inv = 1; inv < INV_NR; inv++)
			sweep->broken_count[inv] += cell->broken >> inv & 1;
		sweep->not_allowed += !cell->allowed;
	}
	return sweep->cell(sweep->ctx, cell);
}

/* -- All runs -- */

static bool sweep_statuses(struct sweep *sweep, const struct sweep_call *call, u8 kind)
{
	const struct tdx_leaf_info *info = &tdx_leaf_info[call->leaf];
	u32 i;

	for (i = 0; i < info->status_count; i++) {
		struct sweep_cell cell = {
			.fault = { { kind, call->leaf, call->nth, info->status[i] } },
			.fault_count = 1,
		};

		if (kind == INJECT_BUSY) {
			if (TDX_STATUS(info->status[i]) != TDX_OPERAND_BUSY)
				continue;
			cell.fault[0].status = TDX_DETAILS(info->status[i]);
		}
		if (try_cell(sweep, &cell, call->line))
			return true;
	}
	return false;
}

static bool sweep_instance(struct sweep *sweep, const struct sweep_call *call)
{
	struct sweep_cell lie = {
		.fault = { { INJECT_LIE, call->leaf, call->nth, 0 } }, .fault_count = 1,
	};
	static const u8 with_status[] = { INJECT_REFUSE, INJECT_LATE, INJECT_BUSY };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(with_status); i++)
		if (sweep->kinds & 1u << with_status[i] &&
		    sweep_statuses(sweep, call, with_status[i]))
			return true;
	return sweep->kinds & 1u << INJECT_LIE && try_cell(sweep, &lie, call->line);
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
			if (try_cell(sweep, &cell, sweep->call[i].line))
				return true;
		}
	}
	return false;
}

/* Until one does not fire any more, or as many as there may be. */
static bool sweep_allocations(struct sweep *sweep)
{
	struct sweep_cell cell = { .fault_count = 1, .fired = true };
	u32 max = sweep->per_leaf ? sweep->per_leaf * ALLOCATIONS_A_CALL : ~0u, nth, line = 0;

	/* One more than there are: the run without a fault, that shows the end. */
	if (max > sweep->allocations)
		max = sweep->allocations + 1;
	else
		sweep->left_out[SWEEP_ALLOCATIONS] = sweep->allocations - max;
	for (nth = 1; cell.fired && nth <= max; nth++) {
		if (nth <= sweep->allocations_placed && sweep->alloc_met[nth])
			continue;
		cell.fault[0] = (struct sweep_fault){ .kind = INJECT_NONE, .nth = nth };
		while (line < sweep->lines.count && sweep->allocations_to[line] < nth)
			line++;
		if (try_cell(sweep, &cell, line))
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
	sweep->call[sweep->seamcalls++] = (struct sweep_call){
		.leaf = leaf, .nth = nth, .line = sweep->line,
	};
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

/* As run_scenario(), but we know which line is running. */
static void run_lines(struct sweep *sweep, const struct run_options *options,
		      struct run_result *result)
{
	const struct injector *injector = &sweep->sim->env->injector;
	struct run run;

	run_begin(&run, sweep->sim, sweep->scn, options, result);
	for (sweep->line = 0; sweep->line < sweep->lines.count && !run.stop; sweep->line++) {
		sweep_line_run(&sweep->lines, sweep->line, &run);
		sweep->allocations_to[sweep->line] =
			injector->alloc_count - sweep->boot_allocations;
	}
	run_end(&run);
}

static void thin_big_run(struct sweep *sweep, const struct run_result *result)
{
	if (!sweep->thin || sweep->per_leaf == 1)
		return;
	if (sweep->allocations + result->seamcalls <= BIG_RUN &&
	    sweep->sim->env->arena->used <= BIG_MACHINE)
		return;
	sweep->per_leaf = 1;
	thin_out(sweep);
}

bool sweep_record(struct sweep *sweep, struct run_result *result)
{
	const struct injector *injector = &sweep->sim->env->injector;
	struct run_options plain = sweep->options;

	sweep_lines_of(&sweep->lines, sweep->scn);
	sweep->allocations_to = calloc(sweep->lines.count + 1, sizeof(*sweep->allocations_to));
	if (!sweep->allocations_to)
		internal_error("no memory for %u lines", sweep->lines.count);
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
	run_lines(sweep, &plain, result);
	sweep->allocations = injector->alloc_count - sweep->boot_allocations;
	/* What is left is teardown's, behind the whole scenario. */
	if (sweep->pasts)
		place_calls(sweep);
	thin_big_run(sweep, result);
	count_left_out(sweep);
	sweep->options.no_results = true;
	sweep->options.tolerate_faults = true;
	sweep->options.terse = true;
	return result->verdict == RUN_OK;
}

void sweep_cells(struct sweep *sweep)
{
	bool over = false;
	u32 i;

	sweep->try = sweep_try_begin(sweep, sweep->pairs ? 2 : 1);
	for (i = 0; !over && i < sweep->seamcalls; i++)
		over = !sweep->call[i].met && sweep_instance(sweep, &sweep->call[i]);
	if (!over && sweep->kinds & 1u << INJECT_NONE)
		over = sweep_allocations(sweep);
	if (!over && sweep->pairs)
		sweep_pairs(sweep);
	sweep->met_cells = sweep->try->met;
	sweep_try_free(sweep->try);
	sweep->try = NULL;
}

void sweep_free(struct sweep *sweep)
{
	free(sweep->call);
	free(sweep->alloc_met);
	free(sweep->allocations_to);
	sweep_lines_free(&sweep->lines);
	sweep->call = NULL;
	sweep->alloc_met = NULL;
	sweep->allocations_to = NULL;
}

bool sweep_run(struct sweep *sweep, struct run_result *result)
{
	bool good = sweep_record(sweep, result);

	if (good)
		sweep_cells(sweep);
	sweep_free(sweep);
	return good;
}
