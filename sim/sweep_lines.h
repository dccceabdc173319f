/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario as the lines that run one after the other: used files and short
 * repetitions opened up, so that a sweep can begin a run at any of them.
 */
#ifndef SEPTUM_SWEEP_LINES_H
#define SEPTUM_SWEEP_LINES_H

#include "sim/run.h"

struct sweep_lines {
	struct sweep_line {
		const struct scn_node *node;
		const struct run_scope *scope;
	} *line;
	u32 count;
	struct run_scope **scope;	/* the scenario's, and one a used file */
	u32 scopes;
};

void sweep_lines_of(struct sweep_lines *lines, const struct scn *scn);
void sweep_lines_free(struct sweep_lines *lines);
void sweep_line_run(const struct sweep_lines *lines, u32 number, struct run *run);
/* All of them, or until the run is over. */
void sweep_lines_run(const struct sweep_lines *lines, struct run *run);

#endif /* SEPTUM_SWEEP_LINES_H */
