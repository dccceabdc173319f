/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every layer is handed: the chooser, the injector, the trace, the checks
 * and the scheduler. One struct env a simulation, first object of its arena;
 * env_of(p) finds it from any object of that simulation.
 */
#ifndef SEPTUM_BASE_ENV_H
#define SEPTUM_BASE_ENV_H

#include "sim/base/arena.h"
#include "sim/base/check.h"
#include "sim/base/choose.h"
#include "sim/base/defect.h"
#include "sim/base/inject.h"
#include "sim/base/task.h"
#include "sim/base/trace.h"

/* Where each layer hangs its own root object; opaque to the others. */
enum env_layer {
	LAYER_HW,
	LAYER_TDX,
	LAYER_MM,
	LAYER_KVM,
	LAYER_SIM,
	LAYER_NR
};

/*
 * Two owners share this struct. The engine sets what stands above the line and
 * it survives arena_restore(): chooser with its record, listener, planted
 * defects, task stacks, storage for broken invariants. Below the line is the
 * simulated world's own and goes back with the world: event numbers, armed
 * injection rules and their counts, what was broken, tasks and lock orders.
 * So: restore first, then arm rules.
 */
struct env {
	struct arena *arena;
	struct chooser chooser;
	u64 defects;		/* BIT(enum defect), see defects.def */
	struct task_stacks *stacks;
	struct broken *broken;	/* what checker.broken points at */
	struct trace trace;	/* the line runs through it: ->seq is restored */

	void *layer[LAYER_NR];
	struct injector injector;
	struct checker checker;
	struct sched sched;	/* last: what the explorer hashes begins in it */
};

#define ENV_OFFSET	ALIGN_UP(sizeof(struct arena), 64)

/* The first object: arithmetic alone, so that no store makes the compiler ask again. */
static inline struct env *env_of(const void *object)
{
	return (struct env *)((char *)arena_of(object) + ENV_OFFSET);
}

static inline bool defect_on(const struct env *env, enum defect defect)
{
	return unlikely(env->defects & (1ULL << defect));
}

/* Make an arena whose root is a fresh env with default (script) backends. NULL: no memory. */
struct env *env_create(void);
/* A fresh env in the memory of @env, which is gone. NULL: no memory, @env gone too. */
struct env *env_restart(struct env *env);
void env_destroy(struct env *env);

/* What needs the struct above to be done in place. */
#include "sim/base/lock.h"

#endif /* SEPTUM_BASE_ENV_H */
