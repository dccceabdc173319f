// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building a machine from the bottom up, and keeping a few around: booting one
 * (hardware, module, host kernel) costs milliseconds, going back to the moment
 * after boot costs a copy of the bytes in use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/sim.h"

/* The module is busy with something else at the first call of the boot's leaf. */
static void refuse_in_boot(struct env *env, enum sim_boot boot)
{
	static const u16 leaf[] = {
#define BOOT(id, leaf, name) leaf,
#include "sim/boots.def"
#undef BOOT
	};

	inject_add(env, &(struct inject_rule){
		.leaf = leaf[boot], .kind = INJECT_REFUSE, .nth = 1, .times = 1,
		.status = TDX_SYS_BUSY,
	});
}

/* In the memory of what sim->env was, if it was. */
static bool build(struct sim *sim, const struct sim_config *config, char *why, size_t why_size)
{
	sim->env = sim->env ? env_restart(sim->env) : env_create();
	if (!sim->env) {
		snprintf(why, why_size, "no address space for a simulation");
		return false;
	}
	sim->env->defects = config->defects;
	sim->hw = hw_create(sim->env, &config->hw);
	if (!sim->hw) {
		snprintf(why, why_size, "this hardware cannot be built (cpus, packages, hkids)");
		return false;
	}
	sim->tdx = tdx_module_create(sim->env, sim->hw, &config->tdx);
	if (!sim->tdx) {
		snprintf(why, why_size, "this TDX module cannot be built (module, dpamt)");
		return false;
	}
	if (config->boot_refused)
		refuse_in_boot(sim->env, config->boot_refused);
	sim->host = host_create(sim->env, sim->hw, sim->tdx, &config->host);
	if (!sim->host) {
		snprintf(why, why_size, "this host kernel cannot be built (policy, order, hugetlb)");
		return false;
	}
	if (config->boot_refused)
		inject_clear(sim->env);
	return true;
}

static struct sim *boot(struct sim *sim, const struct sim_config *config, char *why,
			size_t why_size)
{
	sim->config = *config;
	if (!build(sim, config, why, why_size)) {
		sim_destroy(sim);
		return NULL;
	}
	if (sim->env->checker.bug_count || sim->env->checker.warn_count) {
		snprintf(why, why_size, "the host's boot ended in a WARN or BUG: a mistake of the model");
		sim_destroy(sim);
		return NULL;
	}
	arena_snapshot(sim->env->arena);
	return sim;
}

struct sim *sim_create(const struct sim_config *config, char *why, size_t why_size)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim)
		abort();
	return boot(sim, config, why, why_size);
}

void sim_reset(struct sim *sim)
{
	arena_restore(sim->env->arena);
}

void sim_destroy(struct sim *sim)
{
	if (!sim)
		return;
	env_destroy(sim->env);
	free(sim);
}

struct sim *sim_cache_get(struct sim_cache *cache, const struct sim_config *config, char *why,
			  size_t why_size)
{
	u32 i, oldest = 0;

	for (i = 0; i < SIM_CACHE_MAX; i++) {
		if (cache->sim[i] && sim_config_equal(&cache->sim[i]->config, config)) {
			cache->used[i] = ++cache->clock;
			return cache->sim[i];
		}
		if (cache->used[i] < cache->used[oldest])
			oldest = i;
	}
	cache->sim[oldest] = cache->sim[oldest] ?
			     boot(cache->sim[oldest], config, why, why_size) :
			     sim_create(config, why, why_size);
	cache->used[oldest] = cache->sim[oldest] ? ++cache->clock : 0;
	return cache->sim[oldest];
}

void sim_cache_age(struct sim_cache *cache)
{
	memset(cache->used, 0, sizeof(cache->used));
}

void sim_cache_free(struct sim_cache *cache)
{
	u32 i;

	for (i = 0; i < SIM_CACHE_MAX; i++)
		sim_destroy(cache->sim[i]);
	*cache = (struct sim_cache){ 0 };
}
