/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a run prints: lines for people, KTAP for test harnesses, JSON Lines for
 * tools (doc/json.md). One report may hold many files; its exit status is that
 * of the worst.
 */
#ifndef SEPTUM_REPORT_H
#define SEPTUM_REPORT_H

#include "sim/base/check.h"
#include "sim/cmd.h"
#include "sim/run.h"

struct report {
	enum output_format format;
	bool verbose;
	u32 planned;		/* KTAP's plan: variants and files that are no scenario */
	u32 number;		/* of the last test */
	u32 passed, failed, skipped;
	enum exit_status status;
	u64 hits[INV_NR];	/* how often each invariant was looked at */
};

/* One variant of one file, run. */
struct report_item {
	const char *file;
	const struct scn *scn;
	u32 variant;
	const struct run_result *result;
	const char *choices;	/* as `--choices` takes it; "" none drawn */
	const char *repeat;	/* command that repeats it */
	const u64 *hits;	/* the checker's, INV_NR of them */
};

void report_begin(struct report *report);
void report_item(struct report *report, const struct report_item *item);
/* A file that is no scenario, or a machine that cannot be built. */
void report_error(struct report *report, const char *file, const struct diag *diag);
/* The summary. Returns the exit status. */
int report_end(struct report *report);

#endif /* SEPTUM_REPORT_H */
