// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum explore`: every schedule of each of a scenario's race blocks, the verdict
 * about its condition, and for each side of it the shortest way found.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/cmd_machine.h"
#include "sim/explore_scn.h"
#include "sim/sweep.h"
#include "sim/witness.h"

struct explore_request {
	struct machine_options machine;	/* first: the shared options fill it */
	struct race_options options;
	enum output_format format;
	const char *write;		/* directory witnesses are written to */
	struct sim_cache cache;
	const char *path;
	bool several;			/* files: those without a race are passed over */
	u32 races;			/* blocks the scenario has */
};

static int set_bound(void *ctx, const char *text)
{
	return option_u64("--bound", text, &((struct explore_request *)ctx)->options.explore.bound);
}

static int set_preemptions(void *ctx, const char *text)
{
	u64 number;
	int status = option_u64("--preemptions", text, &number);

	if (!status && (!number || number > 1000))
		return usage_error("--preemptions is a number from 1 to 1000");
	((struct explore_request *)ctx)->options.explore.preemptions = number;
	return status;
}

static int set_check_stores(void *ctx, const char *text)
{
	((struct explore_request *)ctx)->options.explore.check_stores = true;
	return 0;
}

static int set_kinds(void *ctx, const char *text)
{
	int kinds = choose_kinds_parse(text, strlen(text));

	if (kinds < 0)
		return usage_error("--choices-of: '%s' is no list of task, irq, alloc, ref, "
				   "status, entropy joined by '+'", text);
	((struct explore_request *)ctx)->options.choice_kinds = kinds;
	return 0;
}

static int set_format(void *ctx, const char *text)
{
	return option_format(text, &((struct explore_request *)ctx)->format);
}

static int set_write(void *ctx, const char *text)
{
	((struct explore_request *)ctx)->write = text;
	return 0;
}

static const struct option_row rows[] = {
	{ "--bound", "N", "store at most N states (10 million); hitting it is no verdict", set_bound },
	{ "--preemptions", "N", "at most N switches away from a task that could go on",
	  set_preemptions },
	{ "--choices-of", "KINDS", "what is chosen besides who runs: task+irq+alloc+ref+entropy",
	  set_kinds },
	{ "--check-stores", NULL, "compare the whole world at each choice: slower, and the same",
	  set_check_stores },
	{ "--write", "DIR", "write each witness as a scenario into DIR", set_write },
	{ "--format", "text|json", "how to print", set_format },
	MACHINE_OPTION_ROWS,
};

static const char *const verdict_name[] = {
	[SCN_NO_VERDICT] = "none", [SCN_NEVER] = "Never", [SCN_SOMETIMES] = "Sometimes",
	[SCN_ALWAYS] = "Always",
};

/* -- What it means -- */

/* What all races of a variant came to: the verdict is about the ends of all of them. */
struct explore_total {
	bool bound_hit, holds, fails;
	int bad;		/* exit status of the first end that is not allowed */
};

static void add_to_total(struct explore_total *total, const struct race_report *report)
{
	total->bound_hit |= report->stats.bound_hit;
	total->holds |= report->holds;
	total->fails |= report->fails;
	if (report->bad_ends && !total->bad)
		total->bad = run_exit_status(report->bad.verdict) ?
			     run_exit_status(report->bad.verdict) : EXIT_MISMATCH;
}

/* The exit status of one variant. */
static int status_of(const struct explore_total *total, const struct scn *scn)
{
	if (total->bound_hit)
		return EXIT_BOUND;
	if (scn->verdict && explore_verdict(total->holds, total->fails) != scn->verdict)
		return EXIT_MISMATCH;
	return total->bad;
}

/* The scenario's file name without directory and ending, "#2" behind it for its second race. */
static void observation_name(const struct explore_request *request, char *name, size_t size)
{
	const char *path = request->path, *slash = strrchr(path, '/');
	char *dot;

	snprintf(name, size, "%s", slash ? slash + 1 : path);
	dot = strrchr(name, '.');
	if (dot)
		*dot = 0;
	if (request->races > 1)
		snprintf(name + strlen(name), size - strlen(name), "#%u",
			 request->options.race + 1);
}

/* -- Text -- */

static void print_witness(const struct explore_request *request, struct sim *sim,
			  const struct scn *scn, const char *what,
			  const struct witness *witness)
{
	char list[SHRINK_CHOICES_MAX];

	if (!witness->found)
		return;
	witness_list_text(&witness->list, request->options.choice_kinds, list, sizeof(list));
	printf("  %s: %s\n", what, run_verdict_names[witness->verdict]);
	witness_print_slices(stdout, sim, scn, &request->options.run, &witness->list,
			     request->options.choice_kinds);
	if (witness->diag.set) {
		printf("    %s\n", witness->diag.text);
		if (witness->diag.note[0])
			printf("%s", witness->diag.note);
	}
	printf("    repeat:  septum run");
	witness_print_settings(stdout, scn, &request->options.run);
	printf(" --choices '%s' %s\n", list, request->path);
}

static void print_result(const struct scn *scn, u8 seen, bool bound_hit)
{
	printf("  Result: %s, expected %s%s\n", verdict_name[seen], verdict_name[scn->verdict],
	       bound_hit ? " (bound hit)" : "");
}

static void print_text(const struct explore_request *request, const struct race_report *report,
		       struct sim *sim, const struct scn *scn)
{
	char variant[160], name[80];

	run_variant_text(scn, request->options.run.variant, variant, sizeof(variant));
	printf("%s", request->path);
	if (request->races > 1)
		printf(":%u", report->line);
	printf("%s%s\n", variant[0] ? "  " : "", variant);
	printf("  states %llu  transitions %llu  schedules %llu  ends %llu  deepest %llu"
	       "  table %llu bytes\n",
	       (unsigned long long)report->stats.states,
	       (unsigned long long)report->stats.transitions,
	       (unsigned long long)report->stats.schedules,
	       (unsigned long long)report->stats.ends,
	       (unsigned long long)report->stats.deepest,
	       (unsigned long long)report->stats.bytes);
	print_witness(request, sim, scn, "with the condition", &report->hold);
	if (report->seen)
		print_witness(request, sim, scn, "without the condition", &report->fail);
	print_witness(request, sim, scn, "not allowed", &report->bad);
	if (report->stats.bound_hit)
		printf("  bound: %llu states stored and no verdict; what is above was covered\n",
		       (unsigned long long)report->stats.states);
	if (scn->verdict && request->races == 1)
		print_result(scn, report->seen, report->stats.bound_hit);
	observation_name(request, name, sizeof(name));
	printf("Observation %s%s%s %s %llu %llu\n", name, variant[0] ? "/" : "",
	       variant, report->stats.bound_hit ? "Bound" : verdict_name[report->seen],
	       (unsigned long long)report->holds, (unsigned long long)report->fails);
}

/* -- JSON -- */

static void json_witness(const struct explore_request *request, const char *name,
			 const struct witness *witness)
{
	char list[SHRINK_CHOICES_MAX];

	printf(",\"%s\":", name);
	if (!witness->found) {
		printf("null");
		return;
	}
	witness_list_text(&witness->list, request->options.choice_kinds, list, sizeof(list));
	printf("{\"verdict\":\"%s\",\"choices\":\"%s\"}", run_verdict_names[witness->verdict], list);
}

static void print_json(const struct explore_request *request, const struct race_report *report,
		       const struct scn *scn, int status)
{
	char variant[160];

	run_variant_text(scn, request->options.run.variant, variant, sizeof(variant));
	printf("{\"type\":\"exploration\",\"file\":");
	json_string(stdout, request->path);
	printf(",\"variant\":");
	json_string(stdout, variant);
	printf(",\"race\":%u,\"line\":%u", request->options.race + 1, report->line);
	printf(",\"verdict\":\"%s\",\"expected\":\"%s\",\"holds\":%llu,\"fails\":%llu",
	       report->stats.bound_hit ? "Bound" : verdict_name[report->seen],
	       verdict_name[scn->verdict], (unsigned long long)report->holds,
	       (unsigned long long)report->fails);
	printf(",\"states\":%llu,\"transitions\":%llu,\"schedules\":%llu,\"ends\":%llu,\"bad_ends\":%llu",
	       (unsigned long long)report->stats.states,
	       (unsigned long long)report->stats.transitions,
	       (unsigned long long)report->stats.schedules,
	       (unsigned long long)report->stats.ends, (unsigned long long)report->bad_ends);
	json_witness(request, "with", &report->hold);
	json_witness(request, "without", &report->fail);
	json_witness(request, "bad", &report->bad);
	printf(",\"status\":%d}\n", status);
}

/* -- Running -- */

static int write_witnesses(struct explore_request *request, const struct race_report *report,
			   const struct scn *scn)
{
	char name[80];
	int status = 0;

	if (!request->write)
		return 0;
	observation_name(request, name, sizeof(name));
	status |= witness_write(request->write, name, "with", scn, &request->options.run,
				&report->hold, request->options.choice_kinds);
	status |= witness_write(request->write, name, "without", scn, &request->options.run,
				&report->fail, request->options.choice_kinds);
	status |= witness_write(request->write, name, "bad", scn, &request->options.run,
				&report->bad, request->options.choice_kinds);
	return status ? EXIT_BAD_INPUT : 0;
}

/* Race blocks of the scenario itself; those in used files are not explored. */
static u32 count_races(const struct scn *scn)
{
	u32 races = 0, i;

	for (i = 0; i < scn->node_count; i++)
		races += scn->node[i].kind == SCN_RACE;
	return races;
}

/* Race number options.race. False and *status when nothing more can come of the variant. */
static bool explore_one(struct explore_request *request, const struct scn *scn, struct sim *sim,
			struct race_report *report, struct explore_total *total, int *status)
{
	struct explore_total alone = { 0 };

	switch (explore_race(sim, scn, &request->options, report)) {
	case RACE_NONE:
		*status = usage_error("%s never gets to its race block", request->path);
		return false;
	case RACE_PROLOGUE:
		diag_print(stderr, &report->bad.diag, diag_colour(stderr));
		*status = run_exit_status(report->bad.verdict);
		return false;
	default:
		break;
	}
	add_to_total(total, report);
	add_to_total(&alone, report);
	if (request->format == FORMAT_JSON)
		print_json(request, report, scn, request->races == 1 ? status_of(&alone, scn) :
			   alone.bound_hit ? EXIT_BOUND : alone.bad);
	else
		print_text(request, report, sim, scn);
	if (write_witnesses(request, report, scn))
		*status = EXIT_BAD_INPUT;
	return true;
}

static int explore_variant(void *ctx, const char *path, const struct scn *scn, struct sim *sim,
			   struct run_options *options)
{
	struct explore_request *request = ctx;
	struct race_report *report = calloc(1, sizeof(*report));
	struct explore_total total = { 0 };
	struct sweep allow = { .scn = scn };
	struct diag diag;
	int status = 0;

	if (!report)
		return EXIT_INTERNAL;
	diag_clear(&diag);
	request->path = path;
	request->options.run = *options;
	request->races = count_races(scn);
	if (!request->races && !request->several)
		status = usage_error("%s has no race block to explore", path);
	if (!sweep_read_allow(&allow, NULL, &diag)) {
		diag_print(stderr, &diag, diag_colour(stderr));
		status = EXIT_BAD_INPUT;
	}
	request->options.allowed_broken = allow.allowed_broken;
	request->options.hang_allowed = allow.allowed_classes & 1u << SWEEP_HANG;
	request->options.deadlock_allowed = allow.allowed_classes & 1u << SWEEP_DEADLOCK;
	for (request->options.race = 0; !status && request->options.race < request->races;
	     request->options.race++)
		if (!explore_one(request, scn, sim, report, &total, &status))
			goto out;
	if (scn->verdict && request->races > 1 && request->format != FORMAT_JSON)
		print_result(scn, explore_verdict(total.holds, total.fails), total.bound_hit);
	if (!status && request->races)
		status = status_of(&total, scn);
out:
	free(report);
	return status;
}

int cmd_explore(int argc, char **argv)
{
	struct explore_request request = {
		.options = { .choice_kinds = CHOICE_KINDS_DEFAULT, .explore.bound = 10000000 },
	};
	struct option_words words = { 0 };
	struct path_list paths = { 0 };
	int status, one;
	u32 i;

	status = options_parse("explore", argc, argv, rows, ARRAY_SIZE(rows), &request, &words);
	if (!status && !words.count)
		status = usage_error("explore: which scenario?");
	for (i = 0; !status && i < words.count; i++)
		status = paths_gather(&paths, words.word[i]);
	request.several = paths.count > 1;
	for (i = 0; status != EXIT_BAD_INPUT && i < paths.count; i++) {
		one = machine_each_variant(&request.machine, &request.cache, paths.path[i],
					   explore_variant, &request);
		if (!status || one == EXIT_BAD_INPUT)
			status = one;
	}
	sim_cache_free(&request.cache);
	paths_free(&paths);
	option_words_free(&words);
	return status < 0 ? 0 : status;
}
