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
	struct graph *graph;
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

static int run_one(void *ctx, const char *path, const struct scn *scn, struct sim *sim,
		   struct run_options *options)
{
	struct graph_request *request = ctx;
	struct run_result result;

	options->listener = graph_listen;
	options->listener_ctx = request->graph;
	options->listener_mask = request->graph->kind->mask;
	graph_new_run(request->graph);
	run_scenario(sim, scn, options, &result);
	request->run_count++;
	request->unexpected += result.verdict != RUN_OK && result.verdict != RUN_SKIPPED;
	return result.verdict == RUN_ERROR ? EXIT_BAD_INPUT : 0;
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

static int run_all(struct graph_request *request, const struct option_words *words)
{
	struct path_list paths = { 0 };
	int status = 0;
	u32 i;

	for (i = 1; i < words->count && !status; i++)
		status = paths_gather(&paths, words->word[i]);
	if (words->count == 1)
		status = paths_gather(&paths, "scenarios");
	for (i = 0; i < paths.count && !status; i++)
		status = machine_each_variant(&request->machine, &request->cache, paths.path[i],
					      run_one, request);
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
		request.graph = graph;
		status = run_all(&request, &words);
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
