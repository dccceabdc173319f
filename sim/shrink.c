// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shrinking: greedy cuts from the end towards the beginning, again and again
 * until a whole pass cuts nothing. Lines go first (a shorter scenario has fewer
 * choices), then the choices.
 *
 * What is cut: steps, '>' lines, settings, vary lines, race and repeat blocks
 * as a whole and by line. Used files stay whole or go whole. Comments stay.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/shrink.h"

static void trim(struct choice_list *list)
{
	while (list->count && !list->pick[list->count - 1])
		list->count--;
}

static bool without_tail(struct choice_list *list, shrink_test_fn *test, void *ctx)
{
	u32 count = list->count, keep;

	/* Halves first: most long lists end long after what matters. */
	for (keep = 0; keep < count; keep += (count - keep + 1) / 2) {
		list->count = keep;
		if (test(ctx, list))
			return true;
	}
	list->count = count;
	return false;
}

void shrink_choices(struct choice_list *list, shrink_test_fn *test, void *ctx)
{
	bool again = true;
	u32 i;

	trim(list);
	while (again) {
		again = list->count && without_tail(list, test, ctx);
		trim(list);
		for (i = list->count; i--;) {
			u16 pick = list->pick[i];

			if (!pick)
				continue;
			list->pick[i] = 0;
			if (test(ctx, list))
				again = true;
			else
				list->pick[i] = pick;
		}
		trim(list);
	}
}

/* -- One run -- */

static void run_once(struct shrinker *shrinker, const struct choice_list *list,
		     struct run_result *result)
{
	struct sim_config config;
	struct sim *sim;
	char why[200] = "";
	u32 kind;

	*result = (struct run_result){ .verdict = RUN_ERROR };
	shrinker->runs++;
	if (!run_config(shrinker->scn, &shrinker->options, &config, &result->diag))
		return;
	config.defects = shrinker->defects;
	sim = sim_cache_get(shrinker->cache, &config, why, sizeof(why));
	if (!sim) {
		diag_set(&result->diag, (struct diag_place){ 0 }, NULL, "%s", why);
		return;
	}
	choose_replay(&sim->env->chooser, list->pick, list->count);
	for (kind = 0; kind < CHOICE_NR; kind++)
		choose_enable(&sim->env->chooser, kind, shrinker->choice_kinds & 1u << kind);
	run_scenario(sim, shrinker->scn, &shrinker->options, result);
	choose_script(&sim->env->chooser);
}

static struct failure failure_of(const struct run_result *result)
{
	struct failure failure = {
		.verdict = result->verdict,
		.broken = result->broken & ~result->broken_expected,
	};

	if (result->verdict == RUN_MISMATCH) {
		failure.line = result->diag.at.line;
		failure.file = result->diag.at.file;
	}
	return failure;
}

static bool same_failure(const struct failure *a, const struct failure *b)
{
	return a->verdict == b->verdict && a->broken == b->broken && a->line == b->line &&
	       a->file == b->file;
}

static bool still_fails(void *ctx, const struct choice_list *list)
{
	struct shrinker *shrinker = ctx;
	struct run_result result;
	struct failure now;

	run_once(shrinker, list, &result);
	now = failure_of(&result);
	return same_failure(&now, &shrinker->failure);
}

/* A cut scenario must still be one: what is printed has to parse. */
static bool still_parses(struct shrinker *shrinker)
{
	struct diag diag = { 0 };
	char *text = scn_print(shrinker->scn);
	struct scn *again = scn_parse_text(shrinker->scn->file[0].name, text, strlen(text), &diag);

	scn_free(again);
	free(text);
	return again;
}

static bool cut_holds(struct shrinker *shrinker)
{
	return still_fails(shrinker, &shrinker->choices) && still_parses(shrinker);
}

/* -- Lines -- */

static bool cut_crossings(struct shrinker *shrinker, struct scn_step *step)
{
	bool any = false;
	u32 i;

	for (i = step->crossing_count; i--;) {
		struct scn_crossing cut = step->crossing[i];
		size_t behind = (step->crossing_count - i - 1) * sizeof(cut);

		memmove(&step->crossing[i], &step->crossing[i + 1], behind);
		step->crossing_count--;
		if (cut_holds(shrinker)) {
			any = true;
			continue;
		}
		memmove(&step->crossing[i + 1], &step->crossing[i], behind);
		step->crossing[i] = cut;
		step->crossing_count++;
	}
	return any;
}

static bool cut_nodes(struct shrinker *shrinker, struct scn_node *node, u32 *count)
{
	bool any = false;
	u32 i;

	for (i = *count; i--;) {
		struct scn_node cut = node[i];
		size_t behind = (*count - i - 1) * sizeof(cut);

		if (cut.kind == SCN_COMMENT || cut.kind == SCN_BLANK)
			continue;
		memmove(&node[i], &node[i + 1], behind);
		--*count;
		if (cut_holds(shrinker)) {
			any = true;
			continue;
		}
		memmove(&node[i + 1], &node[i], behind);
		node[i] = cut;
		++*count;
		if (cut.kind == SCN_RACE || cut.kind == SCN_REPEAT)
			any |= cut_nodes(shrinker, node[i].body, &node[i].body_count);
		else if (cut.kind == SCN_STEP)
			any |= cut_crossings(shrinker, node[i].step);
	}
	return any;
}

/* Let each vary line have the failing value only. */
static void fix_variant(struct shrinker *shrinker)
{
	struct scn *scn = shrinker->scn;
	u32 i, k;

	for (i = 0; i < scn->node_count; i++) {
		struct scn_node *node = &scn->node[i];
		const char *value;

		if (node->kind != SCN_VARY)
			continue;
		value = run_variant_value(scn, shrinker->options.variant, node->name);
		for (k = 0; value && k < node->count; k++)
			if (!strcmp(node->setting[k].value, value))
				break;
		if (!value || k == node->count)
			continue;
		node->setting[0] = node->setting[k];
	}
	/* Only now: the variant's number counts the values of all lines. */
	for (i = 0; i < scn->node_count; i++)
		if (scn->node[i].kind == SCN_VARY)
			scn->node[i].count = 1;
	shrinker->options.variant = 0;
}

bool shrink_start(struct shrinker *shrinker, struct run_result *result)
{
	run_once(shrinker, &shrinker->choices, result);
	shrinker->failure = failure_of(result);
	return result->verdict != RUN_OK && result->verdict != RUN_ERROR &&
	       result->verdict != RUN_SKIPPED;
}

void shrink_scenario(struct shrinker *shrinker)
{
	fix_variant(shrinker);
	while (cut_nodes(shrinker, shrinker->scn->node, &shrinker->scn->node_count))
		;
	shrink_choices(&shrinker->choices, still_fails, shrinker);
}
