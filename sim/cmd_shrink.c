// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum shrink`: the smallest scenario and choice list that still fail the way
 * the given ones do. Prints the scenario; `septum run` repeats it.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/cmd_machine.h"
#include "sim/shrink.h"
#include "sim/witness.h"

struct shrink_request {
	struct machine_options machine;	/* first: the shared options fill it */
	const char *choices, *output;
	bool any_result;
	struct shrinker shrinker;
};

static int set_choices(void *ctx, const char *text)
{
	((struct shrink_request *)ctx)->choices = text;
	return 0;
}

static int set_output(void *ctx, const char *text)
{
	((struct shrink_request *)ctx)->output = text;
	return 0;
}

static int set_no_results(void *ctx, const char *text)
{
	((struct shrink_request *)ctx)->any_result = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--choices", "LIST", "the choices it fails with", set_choices },
	{ "--no-results", NULL, "results are not compared, only what breaks counts",
	  set_no_results },
	{ "-o", "FILE", "write the scenario there instead of to stdout", set_output },
	MACHINE_OPTION_ROWS,
};

static int read_choices(struct shrink_request *request)
{
	struct shrinker *shrinker = &request->shrinker;
	struct chooser chooser = { 0 };
	int status = 0;

	shrinker->choice_kinds = CHOICE_KINDS_DEFAULT;
	if (!request->choices)
		return 0;
	status = choose_replay_text(&chooser, request->choices, shrinker->choices.pick,
				    SHRINK_CHOICES_MAX);
	shrinker->choices.count = chooser.replay_count;
	shrinker->choice_kinds = chooser.enabled;
	if (status == -2)
		return usage_error("--choices: more than %u choices", SHRINK_CHOICES_MAX);
	if (status)
		return usage_error("--choices: '%s' is no list of choices such as 0*7,2,1",
				   request->choices);
	return 0;
}

static int write_result(const struct shrink_request *request, u32 lines)
{
	const struct shrinker *shrinker = &request->shrinker;
	char list[SHRINK_CHOICES_MAX], *text = scn_print(shrinker->scn);
	FILE *out = request->output ? fopen(request->output, "w") : stdout;

	if (!out) {
		perror(request->output);
		free(text);
		return EXIT_BAD_INPUT;
	}
	fputs(text, out);
	free(text);
	if (request->output && fclose(out)) {
		perror(request->output);
		return EXIT_BAD_INPUT;
	}
	witness_list_text(&shrinker->choices, shrinker->choice_kinds, list, sizeof(list));
	fprintf(stderr, "septum: %s, %u of %u lines left after %llu runs; choices '%s'\n",
		run_verdict_names[shrinker->failure.verdict], shrinker->scn->node_count, lines,
		(unsigned long long)shrinker->runs, list);
	return 0;
}

static int shrink_file(struct shrink_request *request, const char *path)
{
	struct shrinker *shrinker = &request->shrinker;
	struct run_result result;
	struct diag diag;
	u32 variants, lines;
	int status;

	diag_clear(&diag);
	shrinker->scn = scn_parse_file(path, &diag);
	if (!shrinker->scn) {
		diag_print(stderr, &diag, diag_colour(stderr));
		return EXIT_BAD_INPUT;
	}
	lines = shrinker->scn->node_count;
	variants = run_variant_count(shrinker->scn);
	shrinker->options.set = request->machine.set;
	shrinker->options.set_count = request->machine.set_count;
	shrinker->defects = request->machine.defects;
	shrinker->options.no_results = request->any_result;
	while (!shrink_start(shrinker, &result)) {
		if (++shrinker->options.variant < variants)
			continue;
		if (result.verdict == RUN_ERROR)
			diag_print(stderr, &result.diag, diag_colour(stderr));
		status = usage_error("%s fails in no variant: there is nothing to shrink", path);
		scn_free(shrinker->scn);
		return status;
	}
	shrink_scenario(shrinker);
	status = write_result(request, lines);
	scn_free(shrinker->scn);
	return status;
}

int cmd_shrink(int argc, char **argv)
{
	struct shrink_request *request = calloc(1, sizeof(*request));
	struct option_words words = { 0 };
	struct sim_cache cache = { 0 };
	int status;

	if (!request)
		return EXIT_INTERNAL;
	request->shrinker.cache = &cache;
	status = options_parse("shrink", argc, argv, rows, ARRAY_SIZE(rows), request, &words);
	if (!status && words.count != 1)
		status = usage_error("shrink: one scenario");
	if (!status)
		status = read_choices(request);
	if (!status)
		status = shrink_file(request, words.word[0]);
	sim_cache_free(&cache);
	option_words_free(&words);
	free(request);
	return status < 0 ? 0 : status;
}
