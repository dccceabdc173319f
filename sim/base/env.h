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
#include "sim/base/inject.h"
#include "sim/base/task.h"
#include "sim/base/trace.h"

struct host;

/* Where each layer hangs its own root object; opaque to the others. */
enum env_layer {
	LAYER_HW,
	LAYER_TDX,
	LAYER_MM,
	LAYER_KVM,
	LAYER_SIM,
	LAYER_NR
};

struct env {
	struct arena *arena;
	struct chooser chooser;
	struct injector injector;
	struct trace trace;
	struct checker checker;
	struct sched sched;
	struct host *host;	/* opaque here: what model/kvm finds its globals by */
	void *layer[LAYER_NR];
	u32 defects;		/* planted defects switched on (tests only), see defects.def */
};

static inline struct env *env_of(const void *object)
{
	return arena_of(object)->root;
}

/* Make an arena whose root is a fresh env with default (script) backends. */
struct env *env_create(void);
void env_destroy(struct env *env);

#endif /* SEPTUM_BASE_ENV_H */
