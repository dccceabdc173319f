// SPDX-License-Identifier: GPL-2.0-only
/* Which scenario shows a status: as a result, as a call that must cross, or as an injected fault. */
#include "model/tdx/status.h"
#include "sim/scn.h"
#include "sim/verbs.h"

static bool nodes_name(const struct scn_node *node, u32 count, u64 status, int leaf)
{
	u32 i, k;

	for (i = 0; i < count; i++) {
		const struct scn_step *step = node[i].step;

		if (nodes_name(node[i].body, node[i].body_count, status, leaf))
			return true;
		if (node[i].kind != SCN_STEP)
			continue;
		for (k = 0; k < step->crossing_count; k++)
			if (step->crossing[k].result.kind == RESULT_STATUS &&
			    TDX_STATUS(step->crossing[k].result.number) == TDX_STATUS(status) &&
			    (leaf < 0 || step->crossing[k].leaf == leaf))
				return true;
		for (k = 0; k < step->result_count; k++)
			if (step->result[k].kind == RESULT_STATUS && step->result[k].number &&
			    TDX_STATUS(step->result[k].number) == TDX_STATUS(status))
				return true;
		for (k = 0; k < step->verb->operand_count; k++)
			if (step_has(step, k) && step->verb->operand[k].type == TYPE_STATUS &&
			    TDX_STATUS(step->value[k].number) == TDX_STATUS(status) &&
			    (leaf < 0 || step->value[0].number == (u64)leaf))
				return true;
	}
	return false;
}

bool scn_shows_status(const struct scn *scn, u64 status, int leaf)
{
	return nodes_name(scn->node, scn->node_count, status, leaf);
}
