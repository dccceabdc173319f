// SPDX-License-Identifier: GPL-2.0-only
/*
 * One cell of the matrix: which machine it is, its run, and what is read off
 * that run. Nothing here knows what a policy should do; `na` is said where the
 * situation is not about this page size, where the machine cannot be built, and
 * where the fault the situation is about never came to happen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kvm/gmem_convert.h"
#include "model/tdx/tables.h"
#include "sim/matrix.h"
#include "sim/matrix_trace.h"
#include "sim/run_impl.h"

#define SETTING_MAX	48
#define GUEST_RANGE_MAX	64
#define FRAME_MAX	2048

const char *const matrix_page_name[MATRIX_PAGE_NR] = {
	[MATRIX_4K] = "4K", [MATRIX_2M] = "2M", [MATRIX_1G] = "1G",
};

const char *const matrix_outcome_name[OUTCOME_NR] = {
	[OUTCOME_OK] = "ok", [OUTCOME_ERR] = "err", [OUTCOME_AGAIN] = "again",
	[OUTCOME_HANG] = "hang", [OUTCOME_HOST_DOWN] = "host-down", [OUTCOME_NA] = "na",
};

const char *const matrix_next_td_name[NEXT_TD_NR] = {
	[NEXT_TD_NONE] = "none", [NEXT_TD_OK] = "ok", [NEXT_TD_REFUSED] = "refused",
	[NEXT_TD_BUGGED] = "bugged",
};

const char *const matrix_neighbour_name[NEIGHBOUR_NR] = {
	[NEIGHBOUR_UNKNOWN] = "unknown", [NEIGHBOUR_KEPT] = "kept", [NEIGHBOUR_LOST] = "lost",
};

#define PAGES_ALL	(1u << MATRIX_4K | 1u << MATRIX_2M | 1u << MATRIX_1G)
#define PAGES_HUGE	(1u << MATRIX_2M | 1u << MATRIX_1G)

const struct matrix_situation_row matrix_situations[MATRIX_SITUATION_NR] = {
#define SITUATION(id, words, file, pages, why_not) { #id, words, file, pages, why_not },
#include "sim/situations.def"
#undef SITUATION
};

static const char *const policy_names[] = {
#define HOLD_POLICY(identifier, name, summary) name,
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
};

static const char *const policy_summaries[] = {
#define HOLD_POLICY(identifier, name, summary) summary,
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
};

static const char *const order_names[] = {
#define ORDER(identifier, name, ...) name,
#include "model/kvm/conversion_orders.def"
#undef ORDER
};

static const char *const order_summaries[] = {
#define ORDER(identifier, name, summary, ...) summary,
#include "model/kvm/conversion_orders.def"
#undef ORDER
};

const struct matrix_axis matrix_policies = {
	policy_names, policy_summaries, ARRAY_SIZE(policy_names),
};
const struct matrix_axis matrix_orders = {
	order_names, order_summaries, ARRAY_SIZE(order_names),
};

/* ---- The machine ---- */

static bool order_has(u32 order, enum gmem_step step)
{
	const struct conversion_order *row = conversion_order_find(order_names[order]);
	u32 i;

	for (i = 0; i < CONVERSION_STEPS_MAX; i++)
		if (row->step[0][i] == step)
			return true;
	return false;
}

/* A conversion in place of part of a huge folio has to split it. */
static bool order_splits_folios(u32 order)
{
	return order_has(order, STEP_SPLIT_FOLIOS) || order_has(order, STEP_FREEZE_SPLIT);
}

static bool order_in_place(u32 order)
{
	return conversion_order_in_place(conversion_order_find(order_names[order]));
}

/*
 * Room for the huge pages of both TDs. Huge folios come with huge leaves, and
 * those with a module whose DEMOTE cannot be interrupted.
 */
static const struct run_setting page_settings[MATRIX_PAGE_NR][8] = {
	[MATRIX_4K] = { { "gmem-page", "4K" } },
	[MATRIX_2M] = {
		{ "gmem-page", "2M" }, { "hugetlb-2M", "4" }, { "sept-huge", "2M" },
		{ "module", "1.5+nointr" },
	},
	[MATRIX_1G] = {
		{ "gmem-page", "1G" }, { "hugetlb-1G", "4" }, { "sept-huge", "2M" },
		{ "module", "1.5+nointr" }, { "ram", "8G" },
	},
};

static u32 machine_settings(const struct matrix *matrix, const struct matrix_place *at,
			    struct run_setting *set)
{
	u32 count = 0, i;

	set[count++] = (struct run_setting){ "policy", policy_names[at->policy] };
	set[count++] = (struct run_setting){ "order", order_names[at->order] };
	for (i = 0; i < ARRAY_SIZE(page_settings[0]) && page_settings[at->page][i].knob; i++)
		set[count++] = page_settings[at->page][i];
	/* Who cannot split huge leaves was written for a S-EPT that has none. */
	if (at->page != MATRIX_4K && order_in_place(at->order) &&
	    !order_has(at->order, STEP_SPLIT_SEPT))
		set[count++] = (struct run_setting){ "sept-huge", "off" };
	for (i = 0; i < matrix->set_count && count < SETTING_MAX; i++)
		set[count++] = matrix->set[i];
	return count;
}

/* ---- Listening ---- */

/* A run's own notes; the cell gets what they come to. */
struct matrix_ear {
	struct matrix_cell *cell;
	struct sim *sim;
	struct matrix_trace *trace;	/* NULL: not wanted */
	bool measuring;		/* since a `test measure`, to the end of its step */
	bool faulted;		/* an injected fault has fired */
	u32 alloc_count;	/* of the injector when measuring began */
	u64 policy_steps;	/* likewise, of the policy */
	/* Frames that were a guest's. */
	struct guest_range {
		kvm_pfn_t pfn;
		u64 nr;
	} guest[GUEST_RANGE_MAX];
	u32 guest_count;
	/* Frames that broke INV_FREE_FRAME_UNMAPPED. */
	kvm_pfn_t frame[FRAME_MAX];
	u32 frame_count;
};

#define HEAR_ALWAYS	(1u << TRACE_SEAMCALL | 1u << TRACE_CHECK | 1u << TRACE_GMEM)
#define HEAR_MEASURING	(1u << TRACE_REF | 1u << TRACE_LOCK)

static bool was_guest(const struct matrix_ear *ear, kvm_pfn_t pfn)
{
	u32 i;

	for (i = 0; i < ear->guest_count; i++)
		if (pfn - ear->guest[i].pfn < ear->guest[i].nr)
			return true;
	return false;
}

static void heard_gmem(struct matrix_ear *ear, const struct trace_event *event)
{
	u64 nr = 1ULL << event->page.order;
	u32 i;

	if (was_guest(ear, event->page.pfn))
		return;
	/* The pieces of a folio come one after the other. */
	for (i = 0; i < ear->guest_count; i++) {
		if (event->page.pfn != ear->guest[i].pfn + ear->guest[i].nr)
			continue;
		ear->guest[i].nr += nr;
		return;
	}
	if (ear->guest_count == GUEST_RANGE_MAX)
		internal_error("more than %u folios in one situation", GUEST_RANGE_MAX);
	ear->guest[ear->guest_count++] = (struct guest_range){ event->page.pfn, nr };
}

static void heard_check(struct matrix_ear *ear, const struct trace_event *event)
{
	struct host *h = ear->sim->host;
	struct host_hold_view view = { 0 };
	unsigned long long pfn;
	u32 i;

	/* What a host that is down still does is the model closing up. */
	h->ops->probe_hold(h, &view);
	if (view.host_down)
		return;
	if (strcmp(event->text.where, inv_name[INV_FREE_FRAME_UNMAPPED]) ||
	    sscanf(event->text.text, "frame 0x%llx", &pfn) != 1)
		return;
	for (i = 0; i < ear->frame_count; i++)
		if (ear->frame[i] == pfn)
			return;
	if (ear->frame_count < FRAME_MAX)
		ear->frame[ear->frame_count++] = pfn;
}

static void heard_seamcall(struct matrix_ear *ear, const struct trace_event *event)
{
	if (event->call.injected) {
		/* From here on nothing costs the good path any more. */
		ear->faulted = true;
		ear->sim->env->trace.mask &= ~HEAR_MEASURING;
		/* RCX: the GPA with the level of the leaf in its low bits. */
		if ((u16)event->call.rax == TDH_MEM_PAGE_REMOVE ||
		    (u16)event->call.rax == TDH_MEM_PAGE_DEMOTE)
			ear->cell->bytes_stuck += PAGE_SIZE << 9 * (event->call.in->rcx & 7);
	}
	if (ear->measuring && !ear->faulted)
		ear->cell->cost.seamcalls++;
}

static void hear(void *ctx, const struct trace_event *event)
{
	struct matrix_ear *ear = ctx;

	if (ear->trace)
		matrix_trace_event(ear->trace, event);
	switch (event->kind) {
	case TRACE_SEAMCALL:
		heard_seamcall(ear, event);
		break;
	case TRACE_CHECK:
		heard_check(ear, event);
		break;
	case TRACE_GMEM:
		heard_gmem(ear, event);
		break;
	case TRACE_REF:
		ear->cell->cost.references += ear->measuring && !ear->faulted;
		break;
	case TRACE_LOCK:
		ear->cell->cost.locks += ear->measuring && !ear->faulted &&
					 !strcmp(event->sync.what, "acquire");
		break;
	default:
		break;
	}
}

/* ---- Steps ---- */

static enum matrix_outcome outcome_of(const struct scn_result *result)
{
	if (result->kind == RESULT_HANG || result->kind == RESULT_DEADLOCK)
		return OUTCOME_HANG;
	if (result->kind != RESULT_ERRNO)
		return OUTCOME_ERR;
	if ((s64)result->number == -EAGAIN)
		return OUTCOME_AGAIN;
	return result->number ? OUTCOME_ERR : OUTCOME_OK;
}

static void begin_measure(struct matrix_ear *ear)
{
	struct host *h = ear->sim->host;
	struct host_hold_view view = { 0 };

	ear->measuring = true;
	ear->alloc_count = ear->sim->env->injector.alloc_count;
	h->ops->probe_hold(h, &view);
	ear->policy_steps = view.good_steps;
	if (!ear->faulted)
		ear->sim->env->trace.mask |= HEAR_MEASURING;
}

static void end_measure(struct matrix_ear *ear)
{
	struct matrix_cost *cost = &ear->cell->cost;
	struct host *h = ear->sim->host;
	struct host_hold_view view = { 0 };

	ear->measuring = false;
	ear->sim->env->trace.mask &= ~HEAR_MEASURING;
	if (ear->faulted)
		return;
	cost->allocations += ear->sim->env->injector.alloc_count - ear->alloc_count;
	h->ops->probe_hold(h, &view);
	cost->policy_steps += view.good_steps - ear->policy_steps;
}

static void note_operation(struct matrix_cell *cell, const struct scn_result *result)
{
	enum matrix_outcome outcome = outcome_of(result);

	if (outcome <= cell->outcome && cell->outcome != OUTCOME_NA)
		return;
	cell->outcome = outcome;
	cell->error[0] = '\0';
	if (outcome == OUTCOME_ERR || outcome == OUTCOME_AGAIN)
		scn_print_result(result, cell->error, sizeof(cell->error));
}

static bool vm_is_dead(struct host *h, u32 vm)
{
	struct host_vm_view view = { 0 };

	return !h->ops->probe_vm(h, vm, &view) && (view.vm_dead || view.vm_bugged);
}

static void note_next_td(struct matrix_ear *ear, const struct scn_step *step,
			 const struct scn_result *result)
{
	enum matrix_next_td fate;

	if (vm_is_dead(ear->sim->host, step->actor.td))
		fate = NEXT_TD_BUGGED;
	else
		fate = outcome_of(result) == OUTCOME_OK ? NEXT_TD_OK : NEXT_TD_REFUSED;
	if (fate > ear->cell->next_td)
		ear->cell->next_td = fate;
}

static void after_step(void *ctx, const struct run *run, const struct scn_step *step,
		       const struct run_outcome *out)
{
	struct matrix_ear *ear = ctx;
	struct matrix_cell *cell = ear->cell;
	bool was_dead = cell->vm_dead;

	/* The module's part of the checks walks the PAMT: at 1G that waits for the end. */
	if (run->options->checks_at_end && run->world.measured)
		ear->sim->host->ops->check(ear->sim->host);
	cell->vm_dead |= vm_is_dead(ear->sim->host, 0);
	if (ear->trace)
		matrix_trace_step(ear->trace, run, step, out);
	if (step->verb->id == VERB_TEST_MEASURE)
		begin_measure(ear);
	else if (!ear->measuring)
		ear->sim->env->trace.mask &= ~HEAR_MEASURING;
	if (!run->world.measuring)
		return;
	end_measure(ear);
	switch (run->world.measuring) {
	case MEASURE_OPERATION:
		note_operation(cell, &out->result);
		break;
	case MEASURE_NEIGHBOUR:
		/* A dead VM's vCPU cannot look; one that dies of looking has seen enough. */
		if (!was_dead)
			cell->neighbour = outcome_of(&out->result) == OUTCOME_OK ?
					  NEIGHBOUR_KEPT : NEIGHBOUR_LOST;
		break;
	case MEASURE_RETRY:
		if (cell->retry == OUTCOME_NA || outcome_of(&out->result) > cell->retry)
			cell->retry = outcome_of(&out->result);
		break;
	case MEASURE_NEXT_TD:
		note_next_td(ear, step, &out->result);
		break;
	default:
		break;
	}
}

/* ---- The end of a run ---- */

static void count_leaks(struct matrix_ear *ear)
{
	struct host *h = ear->sim->host;
	struct host_leak_view *view;
	u32 count = h->ops->probe_leaks(h, NULL, 0), i;

	if (!count)
		return;
	view = calloc(count, sizeof(*view));
	if (!view)
		abort();
	h->ops->probe_leaks(h, view, count);
	for (i = 0; i < count; i++) {
		if (was_guest(ear, view[i].pfn))
			ear->cell->bytes_lost += PAGE_SIZE << view[i].order;
		else
			ear->cell->bytes_lost_control += PAGE_SIZE << view[i].order;
	}
	free(view);
}

static void not_applicable(struct matrix_cell *cell, const char *why)
{
	cell->outcome = OUTCOME_NA;
	cell->error[0] = '\0';
	snprintf(cell->reason, sizeof(cell->reason), "%s", why);
}

static void read_off(struct matrix_ear *ear, const struct run_result *result)
{
	struct matrix_cell *cell = ear->cell;
	struct host *h = ear->sim->host;

	cell->broken = result->broken;
	cell->model_broken = result->broken & ~result->broken_expected;
	cell->reused = ear->frame_count;
	cell->shared_while_mapped = result->broken >> INV_NO_DOUBLE_MAPPING & 1u;
	cell->machine_checks = ear->sim->hw->mce_count;
	h->ops->probe_hold(h, &cell->hold);
	count_leaks(ear);
	if (cell->hold.host_down || ear->sim->env->checker.bug_count) {
		cell->outcome = OUTCOME_HOST_DOWN;
		cell->error[0] = '\0';
		return;
	}
	/* The fault never came: because of how the operation went, or there is no place for it. */
	if (result->verdict == RUN_ERROR || result->verdict == RUN_SKIPPED) {
		if (cell->outcome == OUTCOME_OK || cell->outcome == OUTCOME_NA)
			not_applicable(cell, result->diag.text);
		else
			snprintf(cell->reason, sizeof(cell->reason), "%s", result->diag.text);
		return;
	}
	if (result->verdict == RUN_MISMATCH || result->verdict == RUN_DEADLOCK ||
	    result->verdict == RUN_BOUND) {
		not_applicable(cell, result->diag.text);
		cell->broken_setup = true;
		return;
	}
	if (result->broken >> INV_OPERATION_ENDS & 1u) {
		cell->outcome = OUTCOME_HANG;
		cell->error[0] = '\0';
	}
}

/* ---- One cell ---- */

static bool parse(struct matrix *matrix, const struct matrix_place *at, struct diag *diag)
{
	char path[1200];

	if (matrix->scn[at->situation])
		return true;
	matrix_scenario(matrix, at, path, sizeof(path));
	matrix->scn[at->situation] = scn_parse_file(path, diag);
	return matrix->scn[at->situation] != NULL;
}

bool matrix_run(struct matrix *matrix, const struct matrix_place *at, struct matrix_cell *cell,
		struct diag *diag)
{
	const struct matrix_situation_row *row = &matrix_situations[at->situation];
	struct matrix_ear ear = { .cell = cell };
	struct run_setting set[SETTING_MAX];
	struct run_options options = {
		.set = set, .set_count = machine_settings(matrix, at, set), .listener = hear,
		.listener_ctx = &ear, .listener_mask = HEAR_ALWAYS | HEAR_MEASURING, .on_step = after_step,
		.on_step_ctx = &ear, .checks_at_end = at->page == MATRIX_1G,
	};
	struct sim_config config;
	struct run_result result;
	char why[240] = "";

	*cell = (struct matrix_cell){ .at = *at, .outcome = OUTCOME_NA, .retry = OUTCOME_NA };
	if (!(row->pages >> at->page & 1u)) {
		not_applicable(cell, row->why_not);
		return true;
	}
	if (at->page != MATRIX_4K && order_in_place(at->order) && !order_splits_folios(at->order)) {
		not_applicable(cell, "this order splits no folios, it converts pages of 4K");
		return true;
	}
	diag_clear(diag);
	if (!parse(matrix, at, diag) || !run_config(matrix->scn[at->situation], &options, &config, diag))
		return false;
	config.defects = matrix->defects;
	ear.sim = sim_cache_get(&matrix->cache, &config, why, sizeof(why));
	if (!ear.sim) {
		not_applicable(cell, why);
		return true;
	}
	if (matrix->trace) {
		ear.trace = matrix_trace_begin(ear.sim);
		options.listener_mask |= MATRIX_TRACE_MASK;
	}
	choose_script(&ear.sim->env->chooser);
	run_scenario(ear.sim, matrix->scn[at->situation], &options, &result);
	read_off(&ear, &result);
	if (ear.trace)
		cell->trace = matrix_trace_end(ear.trace);
	return true;
}

void matrix_free(struct matrix *matrix)
{
	u32 i;

	for (i = 0; i < MATRIX_SITUATION_NR; i++)
		if (matrix->scn[i])
			scn_free(matrix->scn[i]);
	sim_cache_free(&matrix->cache);
}

/* ---- What repeats it ---- */

void matrix_scenario(const struct matrix *matrix, const struct matrix_place *at, char *text,
		     size_t size)
{
	snprintf(text, size, "%s/matrix/%s", matrix->directory,
		 matrix_situations[at->situation].file);
}

void matrix_repeat(const struct matrix *matrix, const struct matrix_place *at, char *text,
		   size_t size)
{
	size_t used;
	u32 i;

	used = snprintf(text, size, "septum matrix --policy %s --order %s --page %s --situation %s",
			policy_names[at->policy], order_names[at->order],
			matrix_page_name[at->page], matrix_situations[at->situation].name);
	for (i = 0; i < matrix->set_count && used < size; i++)
		used += snprintf(text + used, size - used, " --set %s=%s", matrix->set[i].knob,
				 matrix->set[i].value);
	for (i = 0; i < DEFECT_NR && used < size; i++)
		if (matrix->defects >> i & 1u)
			used += snprintf(text + used, size - used, " --defect %s",
					 defect_info[i].name);
}
