// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exploring a file without the command around it. Besides cmd_explore() the only way
 * into the copy of the program whose stores are tracked (Makefile, TRACK_ENTRY), so
 * that the benchmark measures what the command runs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/explore_file.h"
#include "sim/explore_scn.h"

static bool explore_first(struct sim *sim, const struct scn *scn, u64 bound,
			  struct explore_stats *stats, char *why, size_t why_size)
{
	struct race_options options = {
		.choice_kinds = CHOICE_KINDS_DEFAULT, .explore.bound = bound,
	};
	struct race_report *report = calloc(1, sizeof(*report));
	bool good;

	if (!report)
		internal_error("no memory for an exploration");
	good = explore_race(sim, scn, &options, report) == RACE_EXPLORED && !report->bad_ends;
	*stats = report->stats;
	if (!good)
		snprintf(why, why_size, "its race cannot be explored, or has ends not allowed");
	free(report);
	return good;
}

bool explore_file(const char *path, u64 bound, struct explore_stats *stats,
		  char *why, size_t why_size)
{
	struct run_options options = { 0 };
	struct sim_config config;
	struct diag diag;
	struct sim *sim = NULL;
	struct scn *scn;
	bool good = false;

	diag_clear(&diag);
	scn = scn_parse_file(path, &diag);
	if (scn && run_config(scn, &options, &config, &diag))
		sim = sim_create(&config, why, why_size);
	else
		snprintf(why, why_size, "%.160s", diag.text);
	if (sim)
		good = explore_first(sim, scn, bound, stats, why, why_size);
	sim_destroy(sim);
	scn_free(scn);
	return good;
}
