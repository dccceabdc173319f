/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One simulation: machine, TDX module and host kernel, built from one
 * configuration, all in one arena. Creating one costs milliseconds; resetting
 * it to the moment after boot costs microseconds. Two simulations in one
 * process never meet.
 */
#ifndef SEPTUM_SIM_H
#define SEPTUM_SIM_H

#include "model/hw/hw.h"
#include "model/tdx/tdx.h"
#include "sim/base/env.h"
#include "sim/base/host.h"

struct diag;

/* What a boot can be without, by the SEAMCALL that the module refuses. */
enum sim_boot {
#define BOOT(id, leaf, name) BOOT_##id,
#include "sim/boots.def"
#undef BOOT
};

struct sim_config {
	struct hw_config hw;
	struct tdx_config tdx;
	struct host_config host;
	u64 defects;		/* BIT(enum defect), tests only */
	u8 boot_refused;	/* enum sim_boot: the first such call is refused */
};

struct sim {
	struct env *env;
	struct hw *hw;
	struct tdx_module *tdx;
	struct host *host;
	struct sim_config config;
};

/* The machine design: Linux 7.3.4 on a 1.5 module, no knob turned. */
void sim_config_default(struct sim_config *config);

/*
 * Set a knob (knobs.def) by its text form. 0, -ENOENT for an unknown knob,
 * -EINVAL for a value it does not have; @why then holds a sentence.
 */
int sim_config_set(struct sim_config *config, const char *knob,
		   const char *value, char *why, size_t why_size);
/* The present value of a knob as text; "" for an unknown knob. */
void sim_config_get(const struct sim_config *config, const char *knob,
		    char *text, size_t size);
bool sim_config_equal(const struct sim_config *a, const struct sim_config *b);

/* NULL when the configuration cannot be built; @why says what is in the way. */
struct sim *sim_create(const struct sim_config *config, char *why, size_t why_size);

/*
 * Back to the moment after boot. The chooser (backend and record) and the trace
 * listener stay as they are: they belong to whoever drives the runs.
 */
void sim_reset(struct sim *sim);
void sim_destroy(struct sim *sim);

/*
 * Machines by configuration, so that a thousand scenarios boot only a few. An
 * entry stays valid until sim_cache_free(); the oldest goes when it is full, and
 * the next machine is built in its memory.
 */
#define SIM_CACHE_MAX	24

struct sim_cache {
	struct sim *sim[SIM_CACHE_MAX];
	u64 used[SIM_CACHE_MAX];
	u64 clock;
};

struct sim *sim_cache_get(struct sim_cache *cache, const struct sim_config *config,
			  char *why, size_t why_size);
/* None of them will be asked for again: they go first, their memory to the next. */
void sim_cache_age(struct sim_cache *cache);
void sim_cache_free(struct sim_cache *cache);

struct knob {
	const char *name;
	const char *values;	/* "a|b|c", or what it looks like */
	const char *help;
};

extern const struct knob knobs[];
extern const u32 knob_count;

#endif /* SEPTUM_SIM_H */
