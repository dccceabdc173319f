// SPDX-License-Identifier: GPL-2.0-only
/*
 * Graphs of the module's state machines: S-EPT entry, PAMT entry, TD with its
 * KeyID and vCPUs. States, leaves and legal moves are the module's own tables;
 * states that only migration reaches are in them but not in the drawing.
 */
#include "model/tdx/tables.h"
#include "sim/graph.h"

static const char *leaf_name(u16 cause)
{
	const struct tdx_leaf_info *info = cause & TDX_TRACE_TDCALL ? tdx_tdcall_info : tdx_leaf_info;
	const char *name = info[cause & (TDX_LEAF_MAX - 1)].name;

	return name ? name : "?";
}

static bool leaf_of_guest(u16 cause)
{
	return cause & TDX_TRACE_TDCALL;
}

/* -- S-EPT entry -- */

/* States an L1 entry of a TD that never migrates can have. */
static bool sept_drawn(u8 state)
{
	static const bool drawn[SEPT_STATE_NR] = {
		[SEPT_FREE] = true, [SEPT_NL_MAPPED] = true, [SEPT_NL_BLOCKED] = true,
		[SEPT_MAPPED] = true, [SEPT_BLOCKED] = true, [SEPT_PENDING] = true,
		[SEPT_PENDING_BLOCKED] = true,
	};

	return drawn[state];
}

static void sept_allow(struct graph *graph)
{
	u32 i;

	for (i = 0; i < sept_move_count; i++)
		if (sept_drawn(sept_moves[i].from) && sept_drawn(sept_moves[i].to))
			graph_allow(graph, sept_moves[i].from, sept_moves[i].to, sept_moves[i].leaf);
}

static void sept_event(struct graph *graph, const struct trace_event *event)
{
	graph_saw(graph, event->sept.from, event->sept.to, event->sept.leaf);
}

static const char *sept_state(u8 state)
{
	return state < SEPT_STATE_NR ? sept_state_info[state].name : "?";
}

const struct graph_kind graph_sept = {
	.name = "sept", .title = "S-EPT entry", .mask = 1u << TRACE_SEPT,
	.allow = sept_allow, .event = sept_event, .state = sept_state,
	.cause = leaf_name, .guest = leaf_of_guest,
};

/* -- PAMT entry -- */

static void pamt_allow(struct graph *graph)
{
	u32 i;

	for (i = 0; i < pamt_move_count; i++)
		graph_allow(graph, pamt_moves[i].from, pamt_moves[i].to, pamt_moves[i].leaf);
}

static void pamt_event(struct graph *graph, const struct trace_event *event)
{
	graph_saw(graph, event->state.from, event->state.to, event->state.leaf);
}

static const char *pamt_state(u8 state)
{
	return state < PT_NR && pamt_type_info[state].name ? pamt_type_info[state].name : "?";
}

const struct graph_kind graph_pamt = {
	.name = "pamt", .title = "PAMT entry", .rankdir = "LR", .mask = 1u << TRACE_PAMT,
	.allow = pamt_allow, .event = pamt_event, .state = pamt_state,
	.cause = leaf_name, .guest = leaf_of_guest,
};

/* -- TD, KeyID, vCPU: four machines in one drawing, told apart by 16s -- */

#define MACHINE_SHIFT	4
static_assert(TD_MACHINE_NR << MACHINE_SHIFT <= GRAPH_STATE_MAX, "a state number holds its machine");

static const struct {
	const char *name;
	const struct td_state_info *info;
	u32 count;
} machines[TD_MACHINE_NR] = {
	[TD_LIFECYCLE] = { "TD life cycle (TDR)", td_lifecycle_info, TD_LIFECYCLE_NR },
	[TD_OP_STATE] = { "TD operation (TDCS)", td_op_state_info, TD_OP_STATE_NR },
	[TD_HKID_STATE] = { "KeyID (KOT)", hkid_state_info, HKID_STATE_NR },
	[TD_VCPU_STATE] = { "vCPU (TDVPS)", vcpu_state_info, VCPU_STATE_NR },
};

static u8 td_number(u8 machine, u8 state)
{
	return (u8)(machine << MACHINE_SHIFT | state);
}

static void td_allow(struct graph *graph)
{
	const struct td_move *move;
	u32 i;

	for (i = 0; i < td_move_count; i++) {
		move = &td_moves[i];
		graph_allow(graph, td_number(move->machine, move->from),
			    td_number(move->machine, move->to), move->leaf);
	}
}

static void td_event(struct graph *graph, const struct trace_event *event)
{
	graph_saw(graph, td_number(event->state.what, event->state.from),
		  td_number(event->state.what, event->state.to), event->state.leaf);
}

static const char *td_state(u8 state)
{
	u8 machine = state >> MACHINE_SHIFT, value = state & ((1u << MACHINE_SHIFT) - 1);

	if (machine >= TD_MACHINE_NR || value >= machines[machine].count ||
	    !machines[machine].info[value].name)
		return "?";
	return machines[machine].info[value].name;
}

static const char *td_machine(u8 state)
{
	return machines[state >> MACHINE_SHIFT].name;
}

const struct graph_kind graph_td = {
	.name = "td", .title = "TD, KeyID and vCPU", .mask = 1u << TRACE_TD,
	.allow = td_allow, .event = td_event, .state = td_state, .machine = td_machine,
	.cause = leaf_name, .guest = leaf_of_guest,
};
