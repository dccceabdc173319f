/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exploring one of a scenario's race blocks: the lines in front of it run once, the
 * race under every schedule, the lines behind it, the condition, teardown and
 * checks after each end the race can come to. Other races of the scenario run
 * under their ordinary schedule.
 */
#ifndef SEPTUM_EXPLORE_SCN_H
#define SEPTUM_EXPLORE_SCN_H

#include "sim/explore.h"
#include "sim/shrink.h"

struct race_options {
	struct run_options run;
	struct explore_options explore;
	u32 choice_kinds;		/* BIT(enum choice_kind) */
	u32 allowed_broken;		/* BIT(invariant) the scenario's Allow line names */
	bool hang_allowed, deadlock_allowed;	/* and so does it these */
	u32 race;			/* which of its race blocks, from 0 */
};

/* A way that shows something, and the shortest known. */
struct witness {
	bool found;
	struct choice_list list;
	u32 cost;			/* picks other than 0 */
	enum run_verdict verdict;	/* what a run with this list ends with */
	struct diag diag;		/* and why; unset when it is OK */
};

enum race_outcome {
	RACE_EXPLORED,
	RACE_NONE,			/* the scenario has no such race block */
	RACE_PROLOGUE,			/* a line in front of it failed: ->bad tells */
};

struct race_report {
	struct explore_stats stats;
	u32 line;			/* of the race block */
	u64 holds, fails;		/* ends with the condition, and without */
	u64 bad_ends;			/* ends that nothing in the scenario allows */
	u64 deadlocks, hangs;		/* ends in which tasks were left over */
	u32 broken;			/* BIT(invariant), unexpected ones, over all ends */
	struct witness hold, fail, bad;
	u8 seen;			/* enum scn_verdict; SCN_NO_VERDICT without a condition */
	u64 replays;			/* runs made to shorten witnesses */
};

/*
 * An end is bad when a run that ends so would be no success: an invariant broken
 * that nobody expects, an expectation not met, a deadlock or hang that is not
 * what the condition is about.
 */
enum race_outcome explore_race(struct sim *sim, const struct scn *scn,
			       const struct race_options *options, struct race_report *report);

/* enum scn_verdict: what it is when some end has the condition, and some has not. */
u8 explore_verdict(bool holds, bool fails);

#endif /* SEPTUM_EXPLORE_SCN_H */
