/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Planted defects: a test of the tests. Each row of defects.def is a mistake
 * the model can be told to make, together with the scenario, sweep or
 * exploration that must notice it. Off unless a test (or `run --defect NAME`)
 * says so; code asks `if (defect_on(env, DEFECT_X))` at the place.
 */
#ifndef SEPTUM_BASE_DEFECT_H
#define SEPTUM_BASE_DEFECT_H

#include "sim/base/types.h"

enum defect {
#define DEFECT(name, breaks, killer) DEFECT_##name,
#include "sim/base/defects.def"
#undef DEFECT
	DEFECT_NR
};

static_assert(DEFECT_NR <= 64, "env->defects has one bit a defect");

struct defect_info {
	const char *name;	/* as in defects.def; the command line also takes skip-track */
	const char *breaks;	/* what goes wrong */
	const char *killer;	/* the command of the test that must fail */
};

extern const struct defect_info defect_info[DEFECT_NR];

/* The row of that name, -1 when there is none. */
int defect_find(const char *name);

#endif /* SEPTUM_BASE_DEFECT_H */
