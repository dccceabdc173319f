/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements against the budgets of the design. The only part of the program
 * that looks at a clock; what it measures is printed, never tested.
 */
#ifndef SEPTUM_BENCH_H
#define SEPTUM_BENCH_H

#include "sim/sim.h"

enum bench_unit { UNIT_NS, UNIT_US, UNIT_MS, UNIT_SECONDS, UNIT_MIB, UNIT_BYTES, UNIT_TIMES };

#define BENCH_CURVE_MAX	8

/* One point of a row that looks at several sizes: the best of all repeats. */
struct bench_point {
	u32 pages;
	double ns;		/* a page */
};

struct bench_world {
	struct sim *sim;
	bool quick;		/* a smaller problem where the full one takes seconds */
	const char *scenarios;	/* directory of scenarios */
	char why[200];		/* set when a row cannot be measured */
	char note[80];		/* more about the figure, "" for most rows */
	struct bench_point curve[BENCH_CURVE_MAX];
	u32 curve_count;	/* 0: most rows have none */
	double least;		/* of the repeats so far, for the note */
};

struct bench {
	const char *name;
	const char *what;
	const char *what_quick;	/* NULL: the same */
	u8 unit;
	double budget, budget_quick;	/* 0: none was set */
	u32 repeats;		/* the best of so many is the figure */
	u64 ram_bytes;		/* 0: the default machine */
	const char *knobs;	/* "KNOB=VALUE ..." of its machine, NULL: the default */
	/* One figure in the row's unit; negative, and @why, when something failed. */
	double (*measure)(struct bench_world *world);
};

/* In bench_explore.c. */
double bench_explore(struct bench_world *world);
double bench_states(struct bench_world *world);

extern const struct bench benches[];
extern const u32 bench_count;

#endif /* SEPTUM_BENCH_H */
