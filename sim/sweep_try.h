/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One scenario, run again and again with a fault or two, without doing again
 * what is known:
 *
 *  - a run starts at the line in which its first fault comes, from the image of
 *    the fault-free run at that line;
 *  - it ends at the first line at which the world is, byte for byte, what it was in
 *    a run before, all faults behind both: what is left of the two is the same.
 *    (By a 128-bit hash, see image.h. Statuses the kernel treats alike meet so,
 *    and so does a fault that was absorbed with the run without one.)
 *
 * What becomes of a cell is what a run from the first line to the last would give.
 */
#ifndef SEPTUM_SWEEP_TRY_H
#define SEPTUM_SWEEP_TRY_H

#include "sim/image.h"
#include "sim/run_impl.h"
#include "sim/sweep.h"

#define SWEEP_NOT_MET	(~0u)

/* How a run ended. */
struct sweep_outcome {
	enum sweep_class class;
	u32 broken;		/* BIT(invariant), unexpected ones */
	char *text;		/* what broke, heap; NULL: nothing */
};

/* A world at the start of a line, and which outcome it leads to. */
struct sweep_point {
	image_hash key;	/* 0: free place */
	u32 outcome;
};

struct sweep_try {
	_Alignas(64) struct run run;
	_Alignas(64) struct run_result result;
	_Alignas(64) struct run other;	/* of runs that do not start at the image */
	struct image image;
	struct sim *sim;
	const struct scn *scn;
	const struct sweep_lines *lines;
	struct run_options options;
	u32 faults;		/* places kept for a cell's faults */
	bool whole;		/* every run from the first line to the last */
	bool counts_matter;	/* the scenario's condition may ask for counts and the log */
	u32 line;		/* the image is the fault-free run's before this line */
	u32 calls_before[INJECT_LEAF_MAX], allocations_before;	/* of the boot */
	u32 first_allocation_line;	/* from its end on the scenario fails some itself */
	u32 next;		/* line a point about to be taken is at */
	struct sweep_point *point;	/* open addressing */
	u32 points, room;
	struct sweep_outcome *outcome;
	u32 outcomes;
	u64 met;		/* cells that ended at a point known before */
};

/* For a sweep that was recorded. @faults: how many a cell has at most. */
struct sweep_try *sweep_try_begin(const struct sweep *sweep, u32 faults);
/*
 * Runs @cell, whose first fault comes in line @line of the fault-free run, counted
 * from 0, ->count for the end. When lines go down from one call to the next all is
 * begun anew. Sets ->class, ->broken, ->fired, ->text.
 */
void sweep_try_cell(struct sweep_try *try, struct sweep_cell *cell, u32 line);
void sweep_try_free(struct sweep_try *try);

#endif /* SEPTUM_SWEEP_TRY_H */
