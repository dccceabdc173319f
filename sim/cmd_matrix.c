// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum matrix`: which cells, in which form. Without options all policies, all
 * situations and all orders, at 4K and 2M.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cmd.h"
#include "sim/cmd_machine.h"
#include "sim/matrix.h"
#include "sim/workers.h"

enum matrix_form { FORM_TEXT, FORM_JSON, FORM_MARKDOWN };

struct matrix_request {
	struct machine_options machine;	/* first: the shared options fill it */
	u64 policies, orders;		/* BIT(place in the axis), 0: all */
	u32 situations, pages;		/* BIT(enum), 0: all, or 4K and 2M */
	enum matrix_form form;
	struct matrix matrix;
	struct matrix_cell *cell;
	u32 total;
	bool progress;
	pthread_mutex_t lock;		/* of @taken and of the progress line */
	u32 taken;
};

/* ---- Options ---- */

static int pick(const char *option, const char *text, const char *const *name, u32 count,
		u64 *mask)
{
	const char *near = diag_nearest(text, name, count);
	u32 i;

	for (i = 0; i < count; i++) {
		if (strcmp(name[i], text))
			continue;
		*mask |= 1ULL << i;
		return 0;
	}
	return usage_error("%s: there is no '%s'%s%s%s", option, text,
			   near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int set_policy(void *ctx, const char *text)
{
	return pick("--policy", text, matrix_policies.name, matrix_policies.count,
		    &((struct matrix_request *)ctx)->policies);
}

static int set_order(void *ctx, const char *text)
{
	return pick("--order", text, matrix_orders.name, matrix_orders.count,
		    &((struct matrix_request *)ctx)->orders);
}

static int set_situation(void *ctx, const char *text)
{
	const char *name[MATRIX_SITUATION_NR];
	u64 mask = 0;
	u32 i;
	int err;

	for (i = 0; i < MATRIX_SITUATION_NR; i++)
		name[i] = matrix_situations[i].name;
	err = pick("--situation", text, name, MATRIX_SITUATION_NR, &mask);
	((struct matrix_request *)ctx)->situations |= mask;
	return err;
}

static int set_page(void *ctx, const char *text)
{
	u64 mask = 0;
	int err = pick("--page", text, matrix_page_name, MATRIX_PAGE_NR, &mask);

	((struct matrix_request *)ctx)->pages |= mask;
	return err;
}

static int set_format(void *ctx, const char *text)
{
	static const char *const name[] = { "text", "json", "markdown" };
	u64 mask = 0;
	int err = pick("--format", text, name, ARRAY_SIZE(name), &mask);

	if (!err)
		((struct matrix_request *)ctx)->form = __builtin_ctzll(mask);
	return err;
}

static int set_trace(void *ctx, const char *text)
{
	((struct matrix_request *)ctx)->matrix.trace = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--policy", "P", "this hold policy ('list policies'); may be repeated (all)", set_policy },
	{ "--order", "O", "this conversion order ('list orders'); may be repeated (all)", set_order },
	{ "--situation", "S", "this situation, S1 to S13; may be repeated (all)", set_situation },
	{ "--page", "4K|2M|1G", "this page size of guest_memfd; may be repeated (4K and 2M)", set_page },
	{ "--format", "text|json|markdown", "heat table, JSON Lines (doc/json.md), or tables for a mail", set_format },
	{ "--trace", NULL, "JSON: each cell with its steps, SEAMCALLs and S-EPT moves", set_trace },
	{ "--set", "KNOB=VALUE", "any other knob of the machine ('list knobs')", option_knob },
	{ "--defect", "NAME", "plant a defect ('list defects'), to test the tests", option_defect },
};

/* ---- Cells ---- */

static bool wanted(u64 mask, u32 bit)
{
	return !mask || mask >> bit & 1u;
}

/* Orders outside policies: machines that differ in little come one after another. */
static void gather(struct matrix_request *request)
{
	u32 pages = request->pages ? request->pages : 1u << MATRIX_4K | 1u << MATRIX_2M;
	u32 page, order, policy, s;

	request->cell = calloc(MATRIX_PAGE_NR * matrix_orders.count * matrix_policies.count *
			       MATRIX_SITUATION_NR, sizeof(*request->cell));
	if (!request->cell)
		abort();
	for (page = 0; page < MATRIX_PAGE_NR; page++)
		for (order = 0; order < matrix_orders.count; order++)
			for (policy = 0; policy < matrix_policies.count; policy++)
				for (s = 0; s < MATRIX_SITUATION_NR; s++)
					if (pages >> page & 1u && wanted(request->orders, order) &&
					    wanted(request->policies, policy) &&
					    wanted(request->situations, s))
						request->cell[request->total++].at =
							(struct matrix_place){ policy, order, page, s };
}

/* A cell that breaks what no policy answers for is the model's mistake. */
static int judge(const struct matrix_request *request, const struct matrix_cell *cell)
{
	char repeat[2000];
	u32 inv;

	if (!cell->model_broken && !cell->broken_setup)
		return 0;
	matrix_repeat(&request->matrix, &cell->at, repeat, sizeof(repeat));
	for (inv = 1; inv < INV_NR; inv++)
		if (cell->model_broken >> inv & 1u)
			fprintf(stderr, "%s: broke %s\n", repeat, inv_name[inv]);
	if (cell->broken_setup)
		fprintf(stderr, "%s: %s\n", repeat, cell->reason);
	return cell->model_broken ? EXIT_INVARIANT : EXIT_MISMATCH;
}

/*
 * Cells do not meet, so each processor takes some: all situations of one machine
 * at a time. Every worker has machines and parsed scenarios of its own.
 */
struct worker {
	struct matrix_request *request;
	struct matrix matrix;
	bool failed;
	struct diag diag;
};

static bool same_machine(const struct matrix_place *a, const struct matrix_place *b)
{
	return a->policy == b->policy && a->order == b->order && a->page == b->page;
}

/* The cells from the one returned up to *@end are the caller's. */
static u32 take_cells(struct matrix_request *request, u32 *end)
{
	u32 first, last;

	pthread_mutex_lock(&request->lock);
	first = last = request->taken;
	while (last < request->total &&
	       same_machine(&request->cell[first].at, &request->cell[last].at))
		last++;
	request->taken = last;
	if (request->progress && first < request->total)
		fprintf(stderr, "\r%u of %u cells", first, request->total);
	pthread_mutex_unlock(&request->lock);
	*end = last;
	return first;
}

static void work(void *arg)
{
	struct worker *worker = arg;
	struct matrix_request *request = worker->request;
	u32 i, end;

	for (i = take_cells(request, &end); i < end; i = take_cells(request, &end)) {
		for (; i < end && !worker->failed; i++) {
			const struct matrix_place at = request->cell[i].at;

			worker->failed = !matrix_run(&worker->matrix, &at, &request->cell[i],
						     &worker->diag);
		}
		/* No other cell is about these machines. */
		sim_cache_age(&worker->matrix.cache);
	}
	matrix_free(&worker->matrix);
}

static void run_workers(struct matrix_request *request, struct worker *worker, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		worker[i].request = request;
		worker[i].matrix = request->matrix;
	}
	workers_run(work, worker, sizeof(*worker), count);
	if (request->progress)
		fprintf(stderr, "\r%32s\r", "");
}

static int run_cells(struct matrix_request *request)
{
	struct worker *worker = calloc(WORKERS_MAX, sizeof(*worker));
	u32 count = workers_default(), i;
	int status = 0, one;

	if (!worker)
		abort();
	run_workers(request, worker, count);
	for (i = 0; i < count && !status; i++)
		if (worker[i].failed) {
			diag_print(stderr, &worker[i].diag, diag_colour(stderr));
			status = EXIT_BAD_INPUT;
		}
	for (i = 0; i < request->total && status != EXIT_BAD_INPUT; i++) {
		one = judge(request, &request->cell[i]);
		status = one > status ? one : status;
	}
	free(worker);
	return status;
}

static void print(const struct matrix_request *request)
{
	const struct matrix_print print = {
		.matrix = &request->matrix, .cell = request->cell, .count = request->total,
		.colour = diag_colour(stdout),
	};
	u32 i;

	for (i = 0; request->form == FORM_JSON && i < request->total; i++)
		matrix_print_json(&request->matrix, &request->cell[i]);
	if (request->form == FORM_JSON)
		matrix_print_json_end(request->cell, request->total);
	else if (request->form == FORM_MARKDOWN)
		matrix_print_markdown(&print);
	else
		matrix_print_text(&print);
}

int cmd_matrix(int argc, char **argv)
{
	struct matrix_request *request = calloc(1, sizeof(*request));
	struct option_words words = { 0 };
	char path[1024];
	int status;
	u32 i;

	if (!request)
		return EXIT_INTERNAL;
	status = options_parse("matrix", argc, argv, rows, ARRAY_SIZE(rows), request, &words);
	if (!status && words.count)
		status = usage_error("matrix: '%s' is no option; the cells are chosen by --policy, --order, --situation, --page",
				     words.word[0]);
	request->matrix.directory = paths_shipped(path, sizeof(path));
	if (!status && !request->matrix.directory)
		status = usage_error("matrix: its scenarios are not installed");
	if (!status) {
		request->matrix.set = request->machine.set;
		request->matrix.set_count = request->machine.set_count;
		request->matrix.defects = request->machine.defects;
		request->progress = isatty(STDERR_FILENO);
		pthread_mutex_init(&request->lock, NULL);
		gather(request);
		status = run_cells(request);
		if (status != EXIT_BAD_INPUT)
			print(request);
	}
	for (i = 0; i < request->total; i++)
		free(request->cell[i].trace);
	option_words_free(&words);
	free(request->cell);
	free(request);
	return status < 0 ? 0 : status;
}
