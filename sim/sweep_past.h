/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls with the same past. Many scenarios begin alike (they bring a TD up), and
 * a call that was reached by the same steps on the same machine meets the same
 * state: failing it once is enough for all of them. A past is the machine and the
 * text of every step so far, the call's own included.
 */
#ifndef SEPTUM_SWEEP_PAST_H
#define SEPTUM_SWEEP_PAST_H

#include "sim/run.h"

/* Over all scenarios of one sweep. All zero is empty. */
struct sweep_pasts {
	u64 *key;		/* open addressing, 0 is empty */
	u64 room, count;
	struct sim_config *machine;	/* those met, for their numbers */
	u32 machine_count;
	u64 races;
};

/* Where one run is. */
struct sweep_past {
	u64 hash;
};

void sweep_past_begin(struct sweep_past *past, struct sweep_pasts *pasts,
		      const struct sim_config *machine);
/* A step was run. In a race nobody's past is his alone: it is like no other. */
void sweep_past_step(struct sweep_past *past, struct sweep_pasts *pasts, const struct run *run,
		     const struct scn_step *step);
/* False: a call @nth of @leaf in the step just told was tried with this past. */
bool sweep_past_is_new(const struct sweep_past *past, struct sweep_pasts *pasts, u32 leaf, u32 nth);
void sweep_pasts_free(struct sweep_pasts *pasts);

#endif /* SEPTUM_SWEEP_PAST_H */
