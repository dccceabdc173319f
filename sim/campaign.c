// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running a campaign's scenarios and telling findings apart. Two runs that break
 * the same invariant under the same policy after the same fault are one finding.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/campaign.h"
#include "sim/run_impl.h"

/* One switch in 2^4 choices; interrupts and references come as rarely. */
#define RARITY	4

static const u32 drawn_kinds = 1u << CHOICE_TASK | 1u << CHOICE_IRQ;

/* -- One run in two phases -- */

static u32 first_healed(const struct scn *scn, u32 healed_line)
{
	u32 i;

	for (i = 0; i < scn->node_count; i++)
		if (scn->node[i].line > healed_line)
			break;
	return i;
}

static void run_phases(struct sim *sim, struct scn *scn, struct run_options *options,
		       u32 healed_line, struct run_result *result)
{
	const struct run_scope top = { NULL, scn->node, scn->node_count, NULL };
	u32 healed = first_healed(scn, healed_line), all = scn->node_count;
	struct run *run = aligned_alloc(64, ALIGN_UP(sizeof(*run), 64));
	u32 i;

	if (!run)
		internal_error("no memory for a run");
	run_begin(run, sim, scn, options, result);
	run->scope = &top;
	scn->node_count = healed;
	run_from(run, 0);
	scn->node_count = all;
	/* What has not fired by now never will, and is no part of the story. */
	for (i = 0; i < sim->env->injector.rule_count; i++)
		sim->env->injector.rule[i].nth = sim->env->injector.rule[i].fired ? 0 : ~0u;
	sim->env->injector.alloc_fail_nth = 0;
	if (!run->stop)
		run_from(run, healed);
	options->no_results = true;
	run_end(run);
	options->no_results = false;
	free(run);
}

/* -- Findings -- */

static u32 lowest_bit(u32 mask)
{
	return mask ? __builtin_ctz(mask) : 0;
}

static struct campaign_key key_of(const struct sim *sim, const struct run_result *result)
{
	const struct injector *injector = &sim->env->injector;
	struct campaign_key key = {
		.verdict = result->verdict,
		.invariant = lowest_bit(result->broken & ~result->broken_expected),
	};
	const char *policy = sim->config.host.policy;
	u32 i;

	/* Policies are told apart by name; a byte of its hash, never 0, will do. */
	while (*policy)
		key.policy = key.policy * 31 + *policy++;
	key.policy |= 1;
	/* Who waits for whom has nothing to do with what the module answered. */
	if (key.invariant == INV_LOCK_RULES || result->verdict == RUN_DEADLOCK)
		key.policy = 0;
	for (i = 0; key.policy && i < injector->rule_count; i++)
		if (injector->rule[i].fired) {
			key.leaf = injector->rule[i].leaf;
			key.status = injector->rule[i].status >> 32;
		}
	return key;
}

static bool is_new(struct campaign *campaign, const struct campaign_key *key)
{
	u32 i;

	for (i = 0; i < campaign->key_count; i++)
		if (!memcmp(&campaign->key[i], key, sizeof(*key)))
			return false;
	if (campaign->key_count == CAMPAIGN_FINDINGS_MAX)
		return false;
	campaign->key[campaign->key_count++] = *key;
	return true;
}

static bool is_failure(const struct run_result *result)
{
	switch (result->verdict) {
	case RUN_MISMATCH:
	case RUN_INVARIANT:
	case RUN_HANG:
	case RUN_DEADLOCK:
		return true;
	default:
		return false;
	}
}

/* Injections that never fired would be bad input to whoever runs the file. */
static void cut_unfired(struct scn *scn, const struct injector *injector)
{
	u32 i, k, kept = 0;

	for (i = 0; i < scn->node_count; i++) {
		const struct scn_node *node = &scn->node[i];
		bool fired = true;

		if (node->kind == SCN_STEP && node->step->actor.kind == ACTOR_INJECT) {
			fired = node->step->verb->id == VERB_INJECT_ALLOC && injector->alloc_fired;
			for (k = 0; k < injector->rule_count; k++)
				if (injector->rule[k].line == node->line && injector->rule[k].fired)
					fired = true;
		}
		if (fired)
			scn->node[kept++] = scn->node[i];
	}
	scn->node_count = kept;
}

static void keep_choices(struct choice_list *list, const struct chooser *chooser)
{
	for (list->count = 0; list->count < chooser->record_count &&
	     list->count < SHRINK_CHOICES_MAX; list->count++)
		list->pick[list->count] = chooser->record[list->count].picked;
}

static void count(struct campaign *campaign, const struct sim *sim,
		  const struct run_result *result)
{
	u32 i;

	campaign->runs++;
	campaign->steps += result->steps;
	campaign->seamcalls += result->seamcalls;
	for (i = 0; i < sim->env->injector.rule_count; i++)
		campaign->faults += sim->env->injector.rule[i].fired;
	campaign->faults += sim->env->injector.alloc_fired;
	campaign->failures += is_failure(result);
}

static struct sim *world_of(struct campaign *campaign, const struct scn *scn,
			    const struct run_options *options, struct diag *diag)
{
	struct sim_config config;
	char why[160];

	if (!run_config(scn, options, &config, diag))
		return NULL;
	return sim_cache_get(&campaign->cache, &config, why, sizeof(why));
}

bool campaign_run(struct campaign *campaign, u64 number, struct shrinker *shrinker,
		  struct run_result *result)
{
	struct campaign_script script;
	struct run_options options = { .tolerate_faults = true, .checks_at_end = true };
	struct campaign_key key;
	struct diag diag = { 0 };
	struct scn *scn;
	struct sim *sim;

	campaign_write_script(&script, campaign->seed, number, campaign->policy);
	scn = scn_parse_text("campaign", script.text, script.length, &diag);
	if (!scn)
		internal_error("campaign line %u: %s", diag.at.line, diag.text);
	sim = world_of(campaign, scn, &options, &diag);
	if (!sim) {
		campaign->unbuildable++;
		scn_free(scn);
		return false;
	}
	choose_prng(&sim->env->chooser, campaign->seed ^ number);
	memset(sim->env->chooser.rarity, RARITY, sizeof(sim->env->chooser.rarity));
	sim->env->chooser.enabled = drawn_kinds;
	run_phases(sim, scn, &options, script.healed_line, result);
	count(campaign, sim, result);
	memset(&key, 0, sizeof(key));
	if (is_failure(result))
		key = key_of(sim, result);
	if (!key.verdict || !is_new(campaign, &key)) {
		scn_free(scn);
		return false;
	}
	keep_choices(&shrinker->choices, &sim->env->chooser);
	choose_script(&sim->env->chooser);
	cut_unfired(scn, &sim->env->injector);
	shrinker->scn = scn;
	shrinker->options = options;
	shrinker->cache = &campaign->cache;
	shrinker->choice_kinds = drawn_kinds;
	return true;
}
