// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invariants that need looking at the whole state: the host's own check (mirror
 * against S-EPT, reference counts, double mappings) and the module's (PAMT, S-EPT,
 * epochs). What can be seen the moment it happens (a frame freed while mapped, a
 * lock out of order, a machine check, wrong content) is reported where it happens.
 */
#include "sim/run_impl.h"

/* A full look costs about this many checks before it is worth spacing out. */
#define CHECKS_FREE	512
/* What is measured has few steps: each is looked at, unless the machine is huge. */
#define MEASURED_REST	64

static u64 checks_done(const struct checker *checker)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < INV_NR; i++)
		sum += checker->hits[i];
	return sum;
}

/*
 * After each step, but no more often than its cost allows: a step of a machine
 * with a million mapped pages pays for the next thousands of steps too. Counts
 * and no clock, so that two runs look at the same steps.
 */
void invariants_check(struct run *run, bool all)
{
	struct checker *checker = &run->sim->env->checker;
	u64 before;

	if (!all && (run->options->checks_at_end || run->in_race))
		return;
	if (!all && run->check_rest && !(run->world.measured && run->check_rest < MEASURED_REST)) {
		run->check_rest--;
		return;
	}
	before = checks_done(checker);
	step_ops(run)->check(step_host(run));
	tdx_check(run->sim->tdx);
	run->check_rest = (checks_done(checker) - before) / CHECKS_FREE;
}
