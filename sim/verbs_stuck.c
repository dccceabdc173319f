// SPDX-License-Identifier: GPL-2.0-only
/* Handlers of `expect`, part three: what the tasks of a race got stuck in. */
#include "sim/run_impl.h"

void verb_expect_deadlock(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	if (!run->sim->env->sched.deadlock)
		out_mismatch(out, "deadlock", "none");
}

void verb_expect_hang(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	if (!run->sim->env->sched.hang)
		out_mismatch(out, "hang", "none");
}
