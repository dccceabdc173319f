/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes to operations, by the verb table alone: a new row of verbs.def is
 * fuzzed without a line of code here.
 *
 *   byte 0, 1   row of ops_machines.def and whether a TD runs already, hold policy
 *   then, per operation: one byte that picks the verb, one byte an operand
 *
 * An operand's byte picks from the small domain of its type (a few pages, a
 * few sizes, two VMs), so that operations meet on the same objects. For an
 * optional operand 0 means "not given". Every input is valid; what is cut off
 * at the end is not run.
 */
#ifndef SEPTUM_FUZZ_LIB_OPS_H
#define SEPTUM_FUZZ_LIB_OPS_H

#include <stdio.h>

#include "sim/run.h"

#define OPS_MAX		400	/* operations of an input, what comes after is not run */

struct ops_reader {
	const u8 *data;
	size_t size, at;
};

struct ops_finding {
	enum run_verdict verdict;
	u32 broken;		/* BIT(invariant) */
	u32 unexplained;	/* of these, not what an injected fault may do */
	u32 faults;		/* BIT(enum inject_kind) asked for, bit 0: allocation */
	u32 steps;
	bool memory_lost;	/* a step left a TD pages that are not its file's */
	bool guest_hung;	/* a guest faulted for ever: its own affair */
	u8 left_out[OPS_MAX / 8];	/* bit a step: it made no sense and was not run */
	u8 all_allocated[OPS_MAX / 8];	/* bit a step: none of its allocations failed */
	char text[CHECK_TEXT_MAX];
};

/* Build tables and machines; @defects as in sim_config. Exits when it cannot. */
void ops_init(u32 defects);

/* The next operation. False at the end of the bytes. */
bool ops_next(struct ops_reader *reader, struct scn_step *step);

/*
 * Run the input. True when something was found that no fault of the input
 * explains: an invariant, a hang or a deadlock. What a hold policy is known to
 * give up under a failing SEAMCALL is a finding of the policy, not of the run.
 */
bool ops_run(const u8 *data, size_t size, struct ops_finding *finding);

/* The input as a scenario that can be run again. */
void ops_print(FILE *out, const u8 *data, size_t size, const struct ops_finding *finding);

size_t ops_encode(const char *path, u8 *data, size_t max);

#endif /* SEPTUM_FUZZ_LIB_OPS_H */
