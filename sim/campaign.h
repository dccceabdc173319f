/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A campaign: seeded random worlds, scenarios, schedules and faults, each run
 * followed by a healed phase in which the guest must get on again. The shape is
 * drawn too (swarm): each run uses a random part of what can be done, so that
 * rare neighbours meet.
 *
 * A run is a scenario text made from its number and the seed alone; whatever
 * fails is therefore a scenario file already.
 */
#ifndef SEPTUM_CAMPAIGN_H
#define SEPTUM_CAMPAIGN_H

#include "sim/shrink.h"

#define CAMPAIGN_TEXT_MAX	8192

struct campaign_script {
	char text[CAMPAIGN_TEXT_MAX];
	u32 length;
	u32 healed_line;	/* the first line of the healed phase */
};

/* The scenario of run @number. @policy: NULL draws one a world. */
void campaign_write_script(struct campaign_script *script, u64 seed, u64 number,
			   const char *policy);

/* Failures that are the same finding. */
struct campaign_key {
	u8 verdict, invariant, policy;
	u16 leaf;		/* of the last fault that fired, 0 none */
	u32 status;		/* class of it */
};

#define CAMPAIGN_FINDINGS_MAX	256

struct campaign {
	u64 seed;
	const char *policy;
	struct sim_cache cache;
	u64 runs, steps, seamcalls, faults, failures, unbuildable;
	struct campaign_key key[CAMPAIGN_FINDINGS_MAX];
	u32 key_count;
};

/*
 * Runs number @number. True when it failed in a way not seen before: @shrinker
 * then holds the scenario (to be freed by the caller) and choices, not yet
 * shrunk, and @result the failure.
 */
bool campaign_run(struct campaign *campaign, u64 number, struct shrinker *shrinker,
		  struct run_result *result);

#endif /* SEPTUM_CAMPAIGN_H */
