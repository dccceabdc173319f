// SPDX-License-Identifier: GPL-2.0-only
/*
 * '>' lines: which SEAMCALLs must cross the seam while a step runs, in order.
 * '...' stands for any number of any calls; the next line then matches the first
 * call it can. Without '>' lines nothing is demanded. Calls of other tasks do
 * not count for a step.
 */
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"

/* Leaves whose RCX is an address with a level in its low bits say so in their row. */
static bool has_gpa(u16 leaf)
{
	return leaf < TDX_LEAF_MAX && tdx_leaf_info[leaf].operands &&
	       strstr(tdx_leaf_info[leaf].operands, "rcx=level+gpa");
}

static bool has_page(u16 leaf)
{
	return leaf < TDX_LEAF_MAX && tdx_leaf_info[leaf].operands &&
	       strstr(tdx_leaf_info[leaf].operands, "r8=page");
}

#define RCX_GPA(rcx)	((rcx) & GENMASK_ULL(51, 12))
#define RCX_LEVEL(rcx)	(((rcx) & 7) + PG_LEVEL_4K)

static u64 event_reg(const struct trace_event *event, u32 reg)
{
	const struct tdx_module_args *in = event->call.in;
	const u64 regs[SCN_REG_NR] = {
		[SCN_REG_RCX] = in->rcx, [SCN_REG_RDX] = in->rdx, [SCN_REG_R8] = in->r8, [SCN_REG_R9] = in->r9,
		[SCN_REG_R10] = in->r10, [SCN_REG_R11] = in->r11, [SCN_REG_R12] = in->r12,
		[SCN_REG_R13] = in->r13, [SCN_REG_GPA] = RCX_GPA(in->rcx),
		[SCN_REG_LEVEL] = RCX_LEVEL(in->rcx), [SCN_REG_HPA] = in->r8, [SCN_REG_LP] = event->call.lp,
	};

	return regs[reg];
}

static bool status_matches(const struct scn_result *wanted, u64 status)
{
	if (wanted->kind != RESULT_STATUS)
		return true;
	return (u32)wanted->number ? status == wanted->number :
	       TDX_STATUS(status) == wanted->number;
}

static bool crossing_matches(const struct scn_crossing *crossing,
			     const struct trace_event *event)
{
	u32 r;

	if (crossing->leaf != (u16)event->call.rax ||
	    (crossing->injected && !event->call.injected))
		return false;
	for (r = 0; r < SCN_REG_NR; r++)
		if (crossing->given & (1u << r) && crossing->reg[r] != event_reg(event, r))
			return false;
	return status_matches(&crossing->result, event->call.status);
}

void cross_print_event(const struct trace_event *event, char *text, size_t size)
{
	u16 leaf = event->call.rax;
	struct scn_crossing crossing = {
		.leaf = leaf, .times = 1, .injected = event->call.injected != 0,
		.result = { .kind = RESULT_STATUS, .number = event->call.status },
	};
	u32 r;

	crossing.given = has_gpa(leaf) ? 1u << SCN_REG_GPA | 1u << SCN_REG_LEVEL : 1u << SCN_REG_RCX;
	if (has_page(leaf))
		crossing.given |= 1u << SCN_REG_HPA;
	for (r = 0; r < SCN_REG_NR; r++)
		crossing.reg[r] = event_reg(event, r);
	scn_print_crossing(&crossing, text, size);
}

void cross_begin(struct run *run, const struct scn_step *step)
{
	struct run_cross *cross = &run->notes.cross[run->sim->env->sched.current];
	u32 i;

	cross->step = step->crossing_count ? step : NULL;
	if (!cross->step)
		return;
	cross->active_count = cross->next = cross->times = 0;
	cross->failed = -1;
	cross->actual[0] = '\0';
	for (i = 0; i < step->crossing_count && i < RUN_CROSS_MAX; i++) {
		const struct scn_crossing *crossing = &step->crossing[i];

		if (run_limits_hold(run->scn, run->options->variant, &run->sim->config,
				    crossing->limit, crossing->limit_count))
			cross->active[cross->active_count++] = i;
	}
}

static const struct scn_crossing *cross_line(const struct run_cross *cross, u32 i)
{
	return i < cross->active_count ? &cross->step->crossing[cross->active[i]] : NULL;
}

static bool cross_taken(struct run_cross *cross, const struct scn_crossing *line)
{
	if (++cross->times >= line->times) {
		cross->next++;
		cross->times = 0;
	}
	return line->result.kind == RESULT_STATUS;
}

bool cross_event(struct run *run, const struct trace_event *event)
{
	struct run_cross *cross = &run->notes.cross[event->task < TASK_MAX ? event->task : 0];
	const struct scn_crossing *line, *after;

	if (!cross->step || cross->failed >= 0 || !cross->active_count)
		return false;
	line = cross_line(cross, cross->next);
	if (line && line->anything) {
		after = cross_line(cross, cross->next + 1);
		if (!after || !crossing_matches(after, event))
			return false;
		cross->next++;
		return cross_taken(cross, after);
	}
	if (line && crossing_matches(line, event))
		return cross_taken(cross, line);
	cross->failed = line ? cross->active[cross->next] :
			       cross->active[cross->active_count - 1];
	cross_print_event(event, cross->actual, sizeof(cross->actual));
	return false;
}

bool cross_end(struct run *run, const struct run_cross **out)
{
	struct run_cross *cross = &run->notes.cross[run->sim->env->sched.current];
	const struct scn_crossing *line;

	*out = cross;
	if (!cross->step || !cross->active_count)
		return true;
	if (cross->failed >= 0)
		return false;
	line = cross_line(cross, cross->next);
	if (line && line->anything)
		line = cross_line(cross, ++cross->next);
	if (!line)
		return true;
	cross->failed = cross->active[cross->next];
	return false;
}
