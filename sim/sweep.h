/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario with one thing going wrong, for every thing that can: each SEAMCALL
 * it makes, with each status the leaf's row lists, refused or late; each told a
 * lie; each lock of its row held by somebody else; each allocation failing.
 */
#ifndef SEPTUM_SWEEP_H
#define SEPTUM_SWEEP_H

#include "model/tdx/tables.h"
#include "sim/run.h"
#include "sim/sweep_lines.h"
#include "sim/sweep_past.h"

enum sweep_class {
	SWEEP_ABSORBED,		/* nobody noticed: every step as the scenario says */
	SWEEP_ANSWERED,		/* some step answered otherwise, the VM lives */
	SWEEP_VM_DEAD,		/* KVM gave the VM up (vm_dead or vm_bugged) */
	SWEEP_INVARIANT,
	SWEEP_HOST_BUG,		/* BUG(): the host would have crashed */
	SWEEP_HANG,
	SWEEP_DEADLOCK,
	SWEEP_BOUND,
	SWEEP_STOPPED,		/* a later step made no sense any more */
	SWEEP_CLASS_NR
};

extern const char *const sweep_class_name[SWEEP_CLASS_NR];
extern const char *const inject_kind_name[];	/* by enum inject_kind */

struct sweep_fault {
	u8 kind;		/* enum inject_kind; INJECT_NONE: an allocation */
	u16 leaf;
	u32 nth;		/* call of the leaf, or allocation, from 1 */
	u64 status;		/* busy: operand id */
};

struct sweep_cell {
	struct sweep_fault fault[2];
	u32 fault_count;
	enum sweep_class class;
	u32 broken;		/* BIT(invariant), unexpected ones */
	bool fired;
	bool allowed;
	char text[200];		/* what broke, "" when nothing */
};

#define SWEEP_ALLOCATIONS	TDX_LEAF_MAX
#define SWEEP_LEFT_OUT_NR	(TDX_LEAF_MAX + 1)

struct sweep {
	struct sim *sim;
	const struct scn *scn;
	struct run_options options;
	u32 kinds;		/* BIT(enum inject_kind); INJECT_NONE: allocations */
	bool pairs;
	u32 per_leaf;		/* calls of one leaf to try, 0 = all */
	bool thin;		/* of a very long run the first calls only */
	struct sweep_pasts *pasts;	/* leave out what has the same past; NULL: nothing */
	bool whole_runs;	/* each cell from the first line to the last: slow, the same */
	const char *policy;	/* of @sim; NULL: no finding is the policy's */
	/* Outcomes that are fine; from the header or the default. */
	u32 allowed_classes, allowed_broken;
	/* Told each cell; true ends the sweep. */
	bool (*cell)(void *ctx, const struct sweep_cell *cell);
	void *ctx;

	u64 cells, class_count[SWEEP_CLASS_NR], broken_count[INV_NR];
	u64 not_allowed;
	u32 seamcalls, allocations;	/* of the fault-free run */
	u64 left_out[SWEEP_LEFT_OUT_NR];	/* calls not tried, by leaf; allocations */
	struct sweep_call {
		u16 leaf;
		u32 nth;		/* call of this leaf, from 1 */
		u32 line;		/* it is in, lines.count: behind all of them */
		bool met;		/* tried before with the same past */
	} *call;			/* its SEAMCALLs in order */
	bool *alloc_met;		/* the same of each allocation, by number */
	struct sweep_past past;
	u32 calls_placed, allocations_placed;	/* steps known, ->met is set */
	u32 boot_allocations;
	u64 met;			/* calls and allocations */
	u32 leaf_calls[TDX_LEAF_MAX];
	struct sweep_lines lines;
	u32 line;			/* the recording run is in */
	u32 *allocations_to;		/* the end of each line */
	u64 met_cells;			/* ended in a state known before */
	struct sweep_try *try;
};

/*
 * What "# Allow: ..." comments of @scn name: classes (absorbed, answered,
 * vm-dead, host-bug, hang, deadlock, ...) and invariants. Without one: absorbed,
 * answered, vm-dead and stopped, and what sweep_allowed.def has for the hold
 * policy. @more: further words, or NULL. False and @diag
 * for an unknown word.
 */
bool sweep_read_allow(struct sweep *sweep, const char *more, struct diag *diag);
/* Is what became of @cell, which fired, allowed? sweep_allow.c */
bool sweep_is_allowed(const struct sweep *sweep, const struct sweep_cell *cell);

/*
 * The fault-free run: what there is to fail. It must be good; false when it is not,
 * and @result tells. Sweeps that share ->pasts record one after the other.
 */
bool sweep_record(struct sweep *sweep, struct run_result *result);
/* All cells of a sweep that was recorded. */
void sweep_cells(struct sweep *sweep);
/* Of a recorded sweep; the counts stay. */
void sweep_free(struct sweep *sweep);
/* All three. */
bool sweep_run(struct sweep *sweep, struct run_result *result);
/* "inject TDH.MEM.PAGE.AUG nth=2 kind=refuse status=TDX_OPERAND_BUSY|RCX" */
void sweep_print_fault(const struct sweep_fault *fault, char *text, size_t size);

#endif /* SEPTUM_SWEEP_H */
