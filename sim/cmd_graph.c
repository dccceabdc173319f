// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum graph`: run scenarios, listen, draw which moves they made. What is
 * legal and never made is printed too: it is the list of stories not yet told.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/cmd_machine.h"
#include "sim/graph.h"
#include "sim/run.h"

struct graph_request {
	struct machine_options machine;	/* first: the shared options fill it */
	const char *output;	/* NULL: DOT to stdout */
	bool list;
	u32 run_count, unexpected;
	struct sim_cache cache;
};

static int set_output(void *ctx, const char *text)
{
	((struct graph_request *)ctx)->output = text;
	return 0;
}

static int set_list(void *ctx, const char *text)
{
	((struct graph_request *)ctx)->list = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "-o", "FILE.svg", "draw with Graphviz into FILE.svg (FILE.dot: DOT), list the moves", set_output },
	{ "--list", NULL, "list the moves instead of drawing them", set_list },
	MACHINE_OPTION_ROWS,
};

static int run_one(struct graph_request *request, struct graph *graph, const struct scn *scn,
		   u32 variant)
{
	struct run_options options = {
		.variant = variant, .set = request->machine.set, .set_count = request->machine.set_count,
		.listener = graph_listen, .listener_ctx = graph,
		.listener_mask = graph->kind->mask,
	};
	struct run_result result;
	struct sim_config config;
	struct diag diag;
	struct sim *sim;
	char why[160];

	diag_clear(&diag);
	if (!run_config(scn, &options, &config, &diag)) {
		diag_print(stderr, &diag, diag_colour(stderr));
		return EXIT_BAD_INPUT;
	}
	config.defects = request->machine.defects;
	sim = sim_cache_get(&request->cache, &config, why, sizeof(why));
	if (!sim)
		return usage_error("%s", why);
	graph_new_run(graph);
	choose_script(&sim->env->chooser);
	run_scenario(sim, scn, &options, &result);
	request->run_count++;
	request->unexpected += result.verdict != RUN_OK && result.verdict != RUN_SKIPPED;
	return result.verdict == RUN_ERROR ? EXIT_BAD_INPUT : 0;
}

static int run_file(struct graph_request *request, struct graph *graph, const char *path)
{
	struct diag diag;
	struct scn *scn;
	int status = 0;
	u32 v;

	diag_clear(&diag);
	scn = scn_parse_file(path, &diag);
	if (!scn) {
		diag_print(stderr, &diag, diag_colour(stderr));
		return EXIT_BAD_INPUT;
	}
	for (v = 0; v < run_variant_count(scn) && !status; v++)
		status = run_one(request, graph, scn, v);
	scn_free(scn);
	return status;
}

static int write_dot(const struct graph *graph, const char *path)
{
	FILE *out = fopen(path, "w");

	if (!out) {
		perror(path);
		return -1;
	}
	graph_print_dot(graph, out);
	return fclose(out) ? -1 : 0;
}

static int show(const struct graph_request *request, const struct graph *graph)
{
	size_t length = request->output ? strlen(request->output) : 0;

	if (!request->output && !request->list) {
		graph_print_dot(graph, stdout);
		return 0;
	}
	graph_print_text(graph, stdout);
	if (!request->output)
		return 0;
	if (length > 4 && !strcmp(request->output + length - 4, ".dot"))
		return write_dot(graph, request->output);
	return graph_write_svg(graph, request->output);
}

static const struct graph_kind *kind_of(const char *word)
{
	const struct graph_kind *kind = graph_kind_find(word);
	struct diag_guess guess;
	char near[80];
	u32 i;

	if (kind)
		return kind;
	diag_guess_start(&guess, word);
	for (i = 0; i < graph_kind_count; i++)
		diag_guess_add(&guess, graph_kinds[i]->name);
	usage_error("unknown graph '%s'%s", word, diag_guess_text(&guess, near, sizeof(near)));
	fprintf(stderr, "graphs:");
	for (i = 0; i < graph_kind_count; i++)
		fprintf(stderr, " %s", graph_kinds[i]->name);
	fprintf(stderr, "\n");
	return NULL;
}

static int run_all(struct graph_request *request, struct graph *graph,
		   const struct option_words *words)
{
	struct path_list paths = { 0 };
	int status = 0;
	u32 i;

	for (i = 1; i < words->count && !status; i++)
		status = paths_gather(&paths, words->word[i]);
	if (words->count == 1)
		status = paths_gather(&paths, "scenarios");
	for (i = 0; i < paths.count && !status; i++)
		status = run_file(request, graph, paths.path[i]);
	paths_free(&paths);
	return status;
}

int cmd_graph(int argc, char **argv)
{
	struct graph_request request = { 0 };
	struct option_words words = { 0 };
	const struct graph_kind *kind;
	struct graph *graph = NULL;
	int status;

	status = options_parse("graph", argc, argv, rows, ARRAY_SIZE(rows), &request, &words);
	if (status)
		return status < 0 ? 0 : status;
	kind = words.count ? kind_of(words.word[0]) : NULL;
	if (!words.count)
		usage_error("which graph? sept, pamt, td, folio, gmem or states");
	status = EXIT_BAD_INPUT;
	if (kind)
		graph = malloc(sizeof(*graph));
	if (graph) {
		graph_init(graph, kind);
		status = run_all(&request, graph, &words);
		if (!status && show(&request, graph))
			status = EXIT_INTERNAL;
		if (!status && graph_illegal_count(graph))
			status = EXIT_INVARIANT;
		if (request.unexpected)
			fprintf(stderr, "%u of %u runs did not go as their scenario says\n",
				request.unexpected, request.run_count);
		graph_free(graph);
		free(graph);
	}
	sim_cache_free(&request.cache);
	option_words_free(&words);
	return status;
}
