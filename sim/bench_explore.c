// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of `septum bench` about the explorer: what a state costs in time and in
 * memory, on a race of over a million that it explores to the end.
 */
#include <stdio.h>
#include <time.h>

#include "sim/bench.h"
#include "sim/explore_file.h"

#define EXPLORED	"race/seven-faults.scn"
#define EXPLORE_QUICK	200000

static bool explore(struct bench_world *world, struct explore_stats *stats)
{
	char path[200], why[160] = "";

	snprintf(path, sizeof(path), "%.150s/%s", world->scenarios, EXPLORED);
	if (explore_file(path, world->quick ? EXPLORE_QUICK : 0, stats, why, sizeof(why)))
		return true;
	snprintf(world->why, sizeof(world->why), "%s: %s", EXPLORED, why);
	return false;
}

/* It takes seconds, of which others may take some: this processor's time, not the wall's. */
static double processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Parsing, booting and finding the shortest witness are inside: milliseconds. */
double bench_explore(struct bench_world *world)
{
	struct explore_stats stats;
	double start = processor_time(), us;

	if (!explore(world, &stats))
		return -1;
	us = (processor_time() - start) * 1e6 / (double)stats.states;
	if (!world->least || us < world->least)
		world->least = us;
	snprintf(world->note, sizeof(world->note), "%llu states, %.0f thousand a second",
		 (unsigned long long)stats.states, 1e3 / world->least);
	return us;
}

double bench_states(struct bench_world *world)
{
	struct explore_stats stats;

	if (!explore(world, &stats))
		return -1;
	snprintf(world->note, sizeof(world->note), "%llu states in a table of %llu bytes",
		 (unsigned long long)stats.states, (unsigned long long)stats.bytes);
	return (double)stats.bytes / (double)stats.states;
}
