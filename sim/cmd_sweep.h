/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of `septum sweep` share: the request, and one job a variant. */
#ifndef SEPTUM_CMD_SWEEP_H
#define SEPTUM_CMD_SWEEP_H

#include <pthread.h>

#include "sim/cmd.h"
#include "sim/cmd_machine.h"
#include "sim/sweep.h"

#define SHOWN_MAX	24	/* kinds of outcome shown a scenario */

/* Cells that failed alike: one is shown, the others counted. */
struct sweep_finding {
	struct sweep_cell cell;
	u64 count;
};

/* What of a sweep is printed when it is over, alone and in the total. */
struct sweep_sums {
	u64 cells, not_allowed, met, class_count[SWEEP_CLASS_NR], broken_count[INV_NR];
	u64 left_out[SWEEP_LEFT_OUT_NR];
};

/* A variant of a scenario. Its text waits until those before it are printed. */
struct sweep_job {
	char *text, *errors;
	size_t text_size, errors_size;
	FILE *out, *err;
	int status;
	bool swept, done;
	struct sweep_sums sums;
	struct sweep_finding finding[SHOWN_MAX];
	u32 finding_count;
	u64 not_shown;
};

struct sweep_request {
	struct machine_options machine;	/* first: the shared options fill it */
	bool kernel;		/* hand over to the other program */
	u32 kinds;
	bool pairs, verbose;
	u64 per_leaf, workers;
	bool calls_given;
	const char *allow;
	enum output_format format;
	bool several;		/* scenarios; what they have in common is tried once */
	struct path_list paths;
	/* Under @lock: which job is next, what was met, who is printed. */
	pthread_mutex_t lock;
	u32 path, variant;
	bool over;		/* bad input was met */
	struct sweep_pasts pasts;
	struct sweep_job **job;
	u32 jobs, printed;
	struct sweep_sums total;
	u32 scenarios;
	int status;
};

/* ---- cmd_sweep_print.c ---- */

/* Into the job's own text. */
void sweep_print_job(const struct sweep_request *request, const struct sweep_job *job,
		     const char *path, const char *variant);
void sweep_print_total(const struct sweep_request *request);

#endif /* SEPTUM_CMD_SWEEP_H */
