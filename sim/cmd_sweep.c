// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum sweep`: scenarios with one fault each, for every fault there is. Prints
 * how many cells ran, what became of them, and every kind of outcome that the
 * scenario does not allow, once, with the line that repeats it.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/cmd_machine.h"
#include "sim/kernel_program.h"
#include "sim/sweep.h"

#define SHOWN_MAX		24	/* kinds of outcome shown a scenario */

/* Calls of each leaf that are tried when many scenarios are swept at once. */
#define CALLS_OF_SEVERAL	3

/* Cells that failed alike: one is shown, the others counted. */
struct sweep_finding {
	struct sweep_cell cell;
	u64 count;
};

struct sweep_request {
	struct machine_options machine;	/* first: the shared options fill it */
	bool kernel;		/* hand over to the other program */
	u32 kinds;
	bool pairs, verbose;
	u64 per_leaf;
	bool calls_given;
	const char *allow;
	enum output_format format;
	struct sim_cache cache;
	struct sweep_finding finding[SHOWN_MAX];
	u32 finding_count;
	u64 not_shown;
	u64 cells, not_allowed, class_count[SWEEP_CLASS_NR], broken_count[INV_NR];
	u64 left_out[SWEEP_LEFT_OUT_NR], met;
	struct sweep_pasts pasts;
	bool several;		/* scenarios; what they have in common is tried once */
	u32 scenarios;
};

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

static int set_kernel(void *ctx, const char *text)
{
	((struct sweep_request *)ctx)->kernel = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--kinds", "K,K", "of refuse, late, lie, busy, alloc (all of them)", set_kinds },
	{ "--double", NULL, "pairs of refused SEAMCALLs as well", set_double },
	{ "--calls", "N", "at most the first N calls of each leaf (0: all; default: all of one "
	  "scenario, 6 of several)", set_calls },
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

static bool on_cell(void *ctx, const struct sweep_cell *cell)
{
	struct sweep_request *request = ctx;
	char text[200];
	u32 i;

	if (request->verbose) {
		sweep_print_fault(&cell->fault[0], text, sizeof(text));
		printf("  %-9s %s%s%s\n", cell->fired ? sweep_class_name[cell->class] : "no-fault",
		       text, cell->text[0] ? "  # " : "", cell->text);
	}
	if (cell->allowed)
		return false;
	for (i = 0; i < request->finding_count; i++)
		if (alike(&request->finding[i].cell, cell)) {
			request->finding[i].count++;
			return false;
		}
	if (i == SHOWN_MAX)
		request->not_shown++;
	else
		request->finding[request->finding_count++] = (struct sweep_finding){ *cell, 1 };
	return false;
}

static void gather(struct sweep_request *request, const struct sweep *sweep)
{
	u32 i;

	request->scenarios++;
	request->cells += sweep->cells;
	request->not_allowed += sweep->not_allowed;
	request->met += sweep->met;
	for (i = 0; i < SWEEP_LEFT_OUT_NR; i++)
		request->left_out[i] += sweep->left_out[i];
	for (i = 0; i < SWEEP_CLASS_NR; i++)
		request->class_count[i] += sweep->class_count[i];
	for (i = 0; i < INV_NR; i++)
		request->broken_count[i] += sweep->broken_count[i];
}

/* -- Printing -- */

static void print_outcome(const struct sweep_cell *cell)
{
	u32 inv;

	printf("%s", sweep_class_name[cell->class]);
	for (inv = 1; inv < INV_NR; inv++)
		if (cell->broken & 1u << inv)
			printf(" %s", inv_name[inv]);
}

static void print_findings(const struct sweep_request *request)
{
	char text[200];
	u32 i, k;

	for (i = 0; i < request->finding_count; i++) {
		const struct sweep_finding *finding = &request->finding[i];

		printf("    not allowed: ");
		print_outcome(&finding->cell);
		printf("  (%llu alike)\n", (unsigned long long)finding->count);
		for (k = 0; k < finding->cell.fault_count; k++) {
			sweep_print_fault(&finding->cell.fault[k], text, sizeof(text));
			printf("      first line:  %s\n", text);
		}
		if (finding->cell.text[0])
			printf("      found:       %s\n", finding->cell.text);
	}
	if (request->not_shown)
		printf("    and %llu cells of other kinds\n", (unsigned long long)request->not_shown);
}

static void print_classes(const u64 *class_count)
{
	u32 i;

	for (i = 0; i < SWEEP_CLASS_NR; i++)
		if (class_count[i])
			printf("  %s %llu", sweep_class_name[i], (unsigned long long)class_count[i]);
	printf("\n");
}

static u64 sum_left_out(const u64 left_out[SWEEP_LEFT_OUT_NR])
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < SWEEP_LEFT_OUT_NR; i++)
		sum += left_out[i];
	return sum;
}

/* Which calls nobody tried: a reader must not take the sweep for more than it is. */
static void print_left_out(const u64 left_out[SWEEP_LEFT_OUT_NR])
{
	char name[64];
	u32 i;

	if (!sum_left_out(left_out))
		return;
	printf("  left out (--calls 0 tries all):");
	for (i = 0; i < TDX_LEAF_MAX; i++) {
		if (!left_out[i])
			continue;
		scn_print_leaf(false, i, name, sizeof(name));
		printf("  %s %llu", name, (unsigned long long)left_out[i]);
	}
	if (left_out[SWEEP_ALLOCATIONS])
		printf("  allocations %llu", (unsigned long long)left_out[SWEEP_ALLOCATIONS]);
	printf("\n");
}

static void print_json(const char *path, const char *variant, const struct sweep *sweep)
{
	u32 i;

	printf("{\"type\":\"sweep\",\"file\":");
	json_string(stdout, path);
	printf(",\"variant\":");
	json_string(stdout, variant);
	printf(",\"cells\":%llu,\"not_allowed\":%llu,\"left_out\":%llu,\"classes\":{",
	       (unsigned long long)sweep->cells, (unsigned long long)sweep->not_allowed,
	       (unsigned long long)sum_left_out(sweep->left_out));
	for (i = 0; i < SWEEP_CLASS_NR; i++)
		printf("%s\"%s\":%llu", i ? "," : "", sweep_class_name[i],
		       (unsigned long long)sweep->class_count[i]);
	printf("}}\n");
}

static void print_sweep(const struct sweep_request *request, const char *path,
			const char *variant, const struct sweep *sweep)
{
	if (request->format == FORMAT_JSON) {
		print_json(path, variant, sweep);
		return;
	}
	printf("%s%s%s\n  cells %llu", path, variant[0] ? "  " : "", variant,
	       (unsigned long long)sweep->cells);
	print_classes(sweep->class_count);
	print_findings(request);
}

static void print_total(const struct sweep_request *request)
{
	u32 inv;

	if (request->format == FORMAT_JSON) {
		printf("{\"type\":\"summary\",\"scenarios\":%u,\"cells\":%llu,\"not_allowed\":%llu}\n",
		       request->scenarios, (unsigned long long)request->cells,
		       (unsigned long long)request->not_allowed);
		return;
	}
	printf("sweep: %u scenarios, %llu cells, %llu not allowed\n ", request->scenarios,
	       (unsigned long long)request->cells, (unsigned long long)request->not_allowed);
	print_classes(request->class_count);
	for (inv = 1; inv < INV_NR; inv++)
		if (request->broken_count[inv])
			printf("    %s broken in %llu\n", inv_name[inv],
			       (unsigned long long)request->broken_count[inv]);
	if (request->met)
		printf("  tried once: %llu calls and allocations have the past of one in a scenario before\n",
		       (unsigned long long)request->met);
	print_left_out(request->left_out);
}

/* -- Running -- */

static int sweep_variant(void *ctx, const char *path, const struct scn *scn, struct sim *sim,
			 struct run_options *options)
{
	struct sweep_request *request = ctx;
	struct sweep sweep = {
		.scn = scn, .kinds = request->kinds, .pairs = request->pairs,
		.per_leaf = request->per_leaf, .thin = !request->calls_given,
		.pasts = request->several && !request->calls_given ? &request->pasts : NULL,
		.cell = on_cell, .ctx = request,
		.options = *options, .sim = sim, .policy = sim->config.host.policy,
	};
	struct run_result result;
	struct diag diag;
	char text[160];

	diag_clear(&diag);
	if (!sweep_read_allow(&sweep, request->allow, &diag)) {
		diag_print(stderr, &diag, diag_colour(stderr));
		return EXIT_BAD_INPUT;
	}
	request->finding_count = 0;
	request->not_shown = 0;
	if (!sweep_run(&sweep, &result)) {
		if (result.verdict == RUN_SKIPPED)
			return 0;
		fprintf(stderr, "without any fault:\n");
		diag_print(stderr, &result.diag, diag_colour(stderr));
		return run_exit_status(result.verdict);
	}
	gather(request, &sweep);
	run_variant_text(scn, options->variant, text, sizeof(text));
	print_sweep(request, path, text, &sweep);
	return sweep.not_allowed ? EXIT_INVARIANT : 0;
}

int cmd_sweep(int argc, char **argv)
{
	struct sweep_request *request = calloc(1, sizeof(*request));
	struct option_words words = { 0 };
	struct path_list paths = { 0 };
	int status, one;
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
		status = paths_gather(&paths, words.word[i]);
	request->several = paths.count > 1;
	if (!request->calls_given && request->several)
		request->per_leaf = CALLS_OF_SEVERAL;
	for (i = 0; status != EXIT_BAD_INPUT && i < paths.count; i++) {
		one = machine_each_variant(&request->machine, &request->cache, paths.path[i],
					   sweep_variant, request);
		if (!status || one == EXIT_BAD_INPUT)
			status = one;
	}
	if (request->scenarios)
		print_total(request);
	sim_cache_free(&request->cache);
	sweep_pasts_free(&request->pasts);
	paths_free(&paths);
	option_words_free(&words);
	free(request);
	return status < 0 ? 0 : status;
}
