// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum sweep`: scenarios with one fault each, for every fault there is. Prints
 * how many cells ran, what became of them, and every kind of outcome that the
 * scenario does not allow, once, with the line that repeats it.
 *
 * Variants do not meet, so each processor takes some. What is printed is the same
 * in the same order whoever took which: a variant's text is kept until its turn, and
 * what it shares with those before it (sweep_past.h) is settled when it is taken.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/cmd_sweep.h"
#include "sim/kernel_program.h"
#include "sim/workers.h"

/* Calls of each leaf that are tried when many scenarios are swept at once. */
#define CALLS_OF_SEVERAL	3

static int set_kinds(void *ctx, const char *text)
{
	struct sweep_request *request = ctx;
	char copy[128], *word, *rest;
	u32 kind;

	request->kinds = 0;
	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		for (kind = INJECT_NONE; kind <= INJECT_BUSY; kind++)
			if (!strcmp(inject_kind_name[kind], word))
				break;
		if (kind > INJECT_BUSY)
			return usage_error("--kinds: '%s' is none of refuse, late, lie, busy, alloc",
					   word);
		request->kinds |= 1u << kind;
	}
	return request->kinds ? 0 : usage_error("--kinds: at least one of refuse, late, lie, busy, alloc");
}

static int set_double(void *ctx, const char *text)
{
	((struct sweep_request *)ctx)->pairs = true;
	return 0;
}

static int set_verbose(void *ctx, const char *text)
{
	((struct sweep_request *)ctx)->verbose = true;
	return 0;
}

static int set_calls(void *ctx, const char *text)
{
	struct sweep_request *request = ctx;

	request->calls_given = true;
	return option_u64("--calls", text, &request->per_leaf);
}

static int set_allow(void *ctx, const char *text)
{
	((struct sweep_request *)ctx)->allow = text;
	return 0;
}

static int set_format(void *ctx, const char *text)
{
	return option_format(text, &((struct sweep_request *)ctx)->format);
}

static int set_workers(void *ctx, const char *text)
{
	struct sweep_request *request = ctx;
	int err = option_u64("-j", text, &request->workers);

	if (!err && (!request->workers || request->workers > WORKERS_MAX))
		return usage_error("-j: 1 to %u workers", WORKERS_MAX);
	return err;
}

static int set_kernel(void *ctx, const char *text)
{
	((struct sweep_request *)ctx)->kernel = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--kinds", "K,K", "of refuse, late, lie, busy, alloc (all of them)", set_kinds },
	{ "--double", NULL, "pairs of refused SEAMCALLs as well", set_double },
	{ "--calls", "N", "at most the first N calls of each leaf (0: all; default: all of one "
	  "scenario, 3 of several)", set_calls },
	{ "-j", "N", "so many threads (one a processor); what is printed is the same", set_workers },
	{ "--allow", "WORDS", "outcomes and invariants allowed besides the scenario's", set_allow },
	{ "--kernel", NULL, "on the real kernel's objects, if they are built", set_kernel },
	{ "--verbose", NULL, "print every cell", set_verbose },
	{ "--format", "text|json", "how to print", set_format },
	MACHINE_OPTION_ROWS,
};

/* -- Gathering -- */

static bool alike(const struct sweep_cell *a, const struct sweep_cell *b)
{
	u32 i;

	if (a->class != b->class || a->broken != b->broken || a->fault_count != b->fault_count)
		return false;
	for (i = 0; i < a->fault_count; i++)
		if (a->fault[i].kind != b->fault[i].kind || a->fault[i].leaf != b->fault[i].leaf)
			return false;
	return true;
}

/* What a job needs of the request, for each cell. */
struct cell_ear {
	const struct sweep_request *request;
	struct sweep_job *job;
};

static bool on_cell(void *ctx, const struct sweep_cell *cell)
{
	const struct cell_ear *ear = ctx;
	struct sweep_job *job = ear->job;
	char text[200];
	u32 i;

	if (ear->request->verbose) {
		sweep_print_fault(&cell->fault[0], text, sizeof(text));
		fprintf(job->out, "  %-9s %s%s%s\n",
			cell->fired ? sweep_class_name[cell->class] : "no-fault", text,
			cell->text[0] ? "  # " : "", cell->text);
	}
	if (cell->allowed)
		return false;
	for (i = 0; i < job->finding_count; i++)
		if (alike(&job->finding[i].cell, cell)) {
			job->finding[i].count++;
			return false;
		}
	if (i == SHOWN_MAX)
		job->not_shown++;
	else
		job->finding[job->finding_count++] = (struct sweep_finding){ *cell, 1 };
	return false;
}

static void take_sums(struct sweep_sums *sums, const struct sweep *sweep)
{
	sums->cells = sweep->cells;
	sums->not_allowed = sweep->not_allowed;
	sums->met = sweep->met;
	memcpy(sums->left_out, sweep->left_out, sizeof(sums->left_out));
	memcpy(sums->class_count, sweep->class_count, sizeof(sums->class_count));
	memcpy(sums->broken_count, sweep->broken_count, sizeof(sums->broken_count));
}

static void add_sums(struct sweep_sums *total, const struct sweep_sums *sums)
{
	u32 i;

	total->cells += sums->cells;
	total->not_allowed += sums->not_allowed;
	total->met += sums->met;
	for (i = 0; i < SWEEP_LEFT_OUT_NR; i++)
		total->left_out[i] += sums->left_out[i];
	for (i = 0; i < SWEEP_CLASS_NR; i++)
		total->class_count[i] += sums->class_count[i];
	for (i = 0; i < INV_NR; i++)
		total->broken_count[i] += sums->broken_count[i];
}

/* -- Jobs -- */

struct worker {
	struct sweep_request *request;
	struct sim_cache cache;
	struct scn *scn;	/* parsed for this worker */
	u32 path;		/* what ->scn is of, from 1 */
	struct run_setting set[MACHINE_SET_MAX];
	struct run_options options;
	struct sweep sweep;
	struct sweep_job *job;
};

static struct sweep_job *add_job(struct sweep_request *request)
{
	struct sweep_job *job = calloc(1, sizeof(*job));

	request->job = realloc(request->job, (request->jobs + 1) * sizeof(*request->job));
	if (!job || !request->job)
		internal_error("no memory for %u variants", request->jobs + 1);
	job->out = open_memstream(&job->text, &job->text_size);
	job->err = open_memstream(&job->errors, &job->errors_size);
	if (!job->out || !job->err)
		internal_error("no memory for what a sweep prints");
	request->job[request->jobs++] = job;
	return job;
}

/* The text of jobs that are over, as far as none is missing. */
static void print_done(struct sweep_request *request)
{
	while (request->printed < request->jobs && request->job[request->printed]->done) {
		struct sweep_job *job = request->job[request->printed++];

		if (request->status != EXIT_BAD_INPUT) {
			fputs(job->text, stdout);
			fflush(stdout);
			fputs(job->errors, stderr);
			if (job->status > request->status || job->status == EXIT_BAD_INPUT)
				request->status = job->status;
			request->scenarios += job->swept;
			add_sums(&request->total, &job->sums);
		}
		free(job->text);
		free(job->errors);
		free(job);
	}
}

static void finish_job(struct sweep_request *request, struct sweep_job *job, int status)
{
	fclose(job->out);
	fclose(job->err);
	job->status = status;
	job->done = true;
	request->over |= status == EXIT_BAD_INPUT;
	print_done(request);
}

static bool parse(struct worker *worker, struct diag *diag)
{
	struct sweep_request *request = worker->request;

	if (worker->path == request->path + 1)
		return true;
	scn_free(worker->scn);
	worker->scn = scn_parse_file(request->paths.path[request->path], diag);
	worker->path = worker->scn ? request->path + 1 : 0;
	return worker->scn;
}

/* A machine and the run without faults. EXIT_AS_EXPECTED: there are cells to run. */
static int begin_sweep(struct worker *worker, struct diag *diag)
{
	struct sweep_request *request = worker->request;
	struct sweep *sweep = &worker->sweep;
	struct sim_config config;
	struct run_result result;
	char why[160] = "";
	struct sim *sim;

	if (!run_config(worker->scn, &worker->options, &config, diag))
		return EXIT_BAD_INPUT;
	config.defects = request->machine.defects;
	sim = sim_cache_get(&worker->cache, &config, why, sizeof(why));
	if (!sim)
		return usage_error("%s", why);
	choose_script(&sim->env->chooser);
	*sweep = (struct sweep){
		.scn = worker->scn, .kinds = request->kinds, .pairs = request->pairs,
		.per_leaf = request->per_leaf, .thin = !request->calls_given,
		.pasts = request->several && !request->calls_given ? &request->pasts : NULL,
		.cell = on_cell, .options = worker->options, .sim = sim,
		.policy = sim->config.host.policy,
	};
	if (!sweep_read_allow(sweep, request->allow, diag))
		return EXIT_BAD_INPUT;
	if (sweep_record(sweep, &result))
		return EXIT_AS_EXPECTED;
	sweep_free(sweep);
	if (result.verdict == RUN_SKIPPED)
		return -1;
	fprintf(worker->job->err, "without any fault:\n");
	*diag = result.diag;
	return run_exit_status(result.verdict);
}

/*
 * The next variant that is wanted, recorded, so that what it has in common with
 * those before it is known. False: there is none.
 */
static bool take_job(struct worker *worker)
{
	struct sweep_request *request = worker->request;
	struct diag diag;
	int status;

	while (request->path < request->paths.count && !request->over) {
		diag_clear(&diag);
		if (!parse(worker, &diag)) {
			status = EXIT_BAD_INPUT;
		} else if (request->variant == run_variant_count(worker->scn)) {
			request->path++;
			request->variant = 0;
			continue;
		} else {
			worker->options = (struct run_options){
				.variant = request->variant++, .set = worker->set,
				.set_count = machine_settings(&request->machine, worker->scn,
							      worker->set),
			};
			if (!machine_wants(&request->machine, worker->scn,
					   worker->options.variant))
				continue;
			status = EXIT_AS_EXPECTED;
		}
		worker->job = add_job(request);
		if (!status)
			status = begin_sweep(worker, &diag);
		if (!status)
			return true;
		if (status > 0 && diag.text[0])
			diag_print(worker->job->err, &diag, diag_colour(stderr));
		finish_job(request, worker->job, status < 0 ? 0 : status);
	}
	return false;
}

static void run_job(struct worker *worker)
{
	struct cell_ear ear = { worker->request, worker->job };
	struct sweep *sweep = &worker->sweep;
	char text[160];

	sweep->ctx = &ear;
	sweep_cells(sweep);
	sweep_free(sweep);
	worker->job->swept = true;
	take_sums(&worker->job->sums, sweep);
	run_variant_text(worker->scn, worker->options.variant, text, sizeof(text));
	sweep_print_job(worker->request, worker->job, worker->request->paths.path[worker->path - 1], text);
}

static void work(void *arg)
{
	struct worker *worker = arg;
	struct sweep_request *request = worker->request;

	pthread_mutex_lock(&request->lock);
	while (take_job(worker)) {
		pthread_mutex_unlock(&request->lock);
		run_job(worker);
		pthread_mutex_lock(&request->lock);
		finish_job(request, worker->job,
			   worker->sweep.not_allowed ? EXIT_INVARIANT : EXIT_AS_EXPECTED);
	}
	pthread_mutex_unlock(&request->lock);
	sim_cache_free(&worker->cache);
	scn_free(worker->scn);
}

static void run_sweeps(struct sweep_request *request)
{
	u32 count = request->workers && host_in_arena ? request->workers : workers_default(), i;
	struct worker *worker = calloc(count, sizeof(*worker));

	if (!worker)
		internal_error("no memory for %u workers", count);
	for (i = 0; i < count; i++)
		worker[i].request = request;
	pthread_mutex_init(&request->lock, NULL);
	workers_run(work, worker, sizeof(*worker), count);
	pthread_mutex_destroy(&request->lock);
	free(worker);
	free(request->job);
	if (request->scenarios)
		sweep_print_total(request);
}

int cmd_sweep(int argc, char **argv)
{
	struct sweep_request *request = calloc(1, sizeof(*request));
	struct option_words words = { 0 };
	int status;
	u32 i;

	if (!request)
		return EXIT_INTERNAL;
	request->kinds = 1u << INJECT_NONE | 1u << INJECT_REFUSE | 1u << INJECT_LATE |
			 1u << INJECT_LIE | 1u << INJECT_BUSY;
	status = options_parse("sweep", argc, argv, rows, ARRAY_SIZE(rows), request, &words);
	if (!status && !words.count)
		status = usage_error("sweep: which scenarios?");
	if (!status && request->kernel)
		status = kernel_program_exec(argc, argv);
	for (i = 0; !status && i < words.count; i++)
		status = paths_gather(&request->paths, words.word[i]);
	request->several = request->paths.count > 1;
	if (!request->calls_given && request->several)
		request->per_leaf = CALLS_OF_SEVERAL;
	if (!status) {
		run_sweeps(request);
		status = request->status;
	}
	sweep_pasts_free(&request->pasts);
	paths_free(&request->paths);
	option_words_free(&words);
	free(request);
	return status < 0 ? 0 : status;
}
