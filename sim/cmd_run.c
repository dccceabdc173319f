// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum run`: scenarios, all their variants, one report. A variant that fails
 * is run a second time with the same choices to take the picture of the page
 * before and after the step at fault.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cmd_machine.h"
#include "sim/kernel_program.h"
#include "sim/report.h"
#include "sim/trace_file.h"

#define CHOICES_MAX	65536
#define CHOICES_TEXT	4096

struct run_request {
	struct machine_options machine;	/* first: the shared options fill it */
	bool has_seed, kernel;
	u64 seed;
	const char *choices;
	int kinds;			/* of choices, with --seed */
	const char *trace_path;
	struct trace_file *trace;
	struct report report;
	struct sim_cache cache;
	u16 list[CHOICES_MAX], second_list[CHOICES_MAX];
};

/* ---- Options ---- */

static int set_seed(void *ctx, const char *text)
{
	struct run_request *request = ctx;

	request->has_seed = true;
	return option_u64("--seed", text, &request->seed);
}

static int set_choices(void *ctx, const char *text)
{
	((struct run_request *)ctx)->choices = text;
	return 0;
}

static int set_kinds(void *ctx, const char *text)
{
	struct run_request *request = ctx;

	request->kinds = choose_kinds_parse(text, strlen(text));
	return request->kinds < 0 ?
	       usage_error("--kinds: '%s' is no list of kinds (task+status+alloc+ref+irq+entropy, all)",
			   text) : 0;
}

static int set_trace(void *ctx, const char *text)
{
	((struct run_request *)ctx)->trace_path = text;
	return 0;
}

static int set_kernel(void *ctx, const char *text)
{
	((struct run_request *)ctx)->kernel = true;
	return 0;
}

static int set_format(void *ctx, const char *text)
{
	return option_format(text, &((struct run_request *)ctx)->report.format);
}

static int set_verbose(void *ctx, const char *text)
{
	((struct run_request *)ctx)->report.verbose = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--seed", "N", "draw schedules from a seed", set_seed },
	{ "--kinds", "KIND+KIND", "what --seed decides: task (the default), irq, ref, entropy, all", set_kinds },
	{ "--choices", "LIST", "make these choices, as a report printed them", set_choices },
	{ "--trace", "FILE", "write events: x.json for Perfetto, else JSON Lines", set_trace },
	{ "--format", "text|ktap|json", "form of the report", set_format },
	{ "--kernel", NULL, "run on the real kernel's objects, if built in", set_kernel },
	{ "--verbose", NULL, "also print the choices drawn by runs that went well", set_verbose },
	MACHINE_OPTION_ROWS,
};

/* ---- One run ---- */

static int start_chooser(const struct run_request *request, struct chooser *chooser,
			 const char *choices, u16 *list)
{
	int err;

	chooser->enabled = CHOICE_KINDS_DEFAULT;
	if (choices) {
		err = choose_replay_text(chooser, choices, list, CHOICES_MAX);
		if (!err)
			return 0;
		return usage_error(err == -2 ? "--choices: more than %u choices" :
				   err == -3 ? "--choices: a kind of choice that does not exist" :
					       "--choices: no list of numbers", CHOICES_MAX);
	}
	if (!request->has_seed) {
		choose_script(chooser);
		return 0;
	}
	if (request->kinds)
		chooser->enabled = request->kinds;
	choose_prng(chooser, request->seed);
	return 0;
}

static bool overridden(const struct run_request *request, const char *knob)
{
	u32 i;

	for (i = 0; i < request->machine.set_count; i++)
		if (!strcmp(request->machine.set[i].knob, knob))
			return true;
	return false;
}

/* Words with blanks or shell characters are quoted. */
static size_t add_text(char *text, size_t size, size_t used, const char *before, const char *word)
{
	bool plain = word[strcspn(word, " '\"$*?&;|<>()[]{}\\`!#~")] == '\0';

	return used + snprintf(used < size ? text + used : NULL, used < size ? size - used : 0,
			       plain ? "%s%s" : "%s'%s'", before, word);
}

static void repeat_command(const struct run_request *request, const char *path,
			   const struct scn *scn, u32 variant, const char *choices, char *text,
			   size_t size)
{
	char setting[300];
	size_t used;
	u32 i;

	used = add_text(text, size, 0, "septum run ", path);
	for (i = 0; i < request->machine.set_count; i++) {
		snprintf(setting, sizeof(setting), "%s=%s", request->machine.set[i].knob,
			 request->machine.set[i].value);
		used = add_text(text, size, used, " --set ", setting);
	}
	for (i = 0; i < scn->node_count; i++) {
		if (scn->node[i].kind != SCN_VARY || overridden(request, scn->node[i].name))
			continue;
		snprintf(setting, sizeof(setting), "%s=%s", scn->node[i].name,
			 run_variant_value(scn, variant, scn->node[i].name));
		used = add_text(text, size, used, " --set ", setting);
	}
	if (request->machine.defect_text[0])
		used += snprintf(used < size ? text + used : NULL, used < size ? size - used : 0,
				 "%s", request->machine.defect_text);
	if (choices[0])
		add_text(text, size, used, " --choices ", choices);
}

static bool is_failure(const struct run_result *result)
{
	return result->verdict != RUN_OK && result->verdict != RUN_SKIPPED &&
	       result->verdict != RUN_ERROR;
}

/* The same run again, looking at the page of the step that failed. */
static void take_picture(struct run_request *request, struct sim *sim, const struct scn *scn,
			 struct run_options *options, const char *choices,
			 struct run_result *result)
{
	struct run_result second;

	options->picture_step = result->failed_step;
	options->listener_mask = 0;
	options->listener = NULL;
	if (start_chooser(request, &sim->env->chooser, choices, request->second_list))
		return;
	run_scenario(sim, scn, options, &second);
	if (second.verdict == result->verdict)
		*result = second;
}

static int run_variant(struct run_request *request, const char *path, const struct scn *scn,
		       struct run_options *options)
{
	char choices[CHOICES_TEXT] = "", repeat[CHOICES_TEXT + 1024], why[DIAG_TEXT_MAX];
	struct sim_config config;
	struct run_result result;
	struct diag diag;
	struct sim *sim;
	int err;

	if (!run_config(scn, options, &config, &diag)) {
		report_error(&request->report, path, &diag);
		return 0;
	}
	config.defects = request->machine.defects;
	sim = sim_cache_get(&request->cache, &config, why, sizeof(why));
	if (!sim) {
		diag_clear(&diag);
		diag_set(&diag, (struct diag_place){ path, 0, 0 }, NULL, "%s", why);
		report_error(&request->report, path, &diag);
		return 0;
	}
	err = start_chooser(request, &sim->env->chooser, request->choices, request->list);
	if (err)
		return err;
	if (request->trace) {
		options->listener = trace_file_listen;
		options->listener_ctx = request->trace;
		options->listener_mask = TRACE_FILE_MASK;
		run_variant_text(scn, options->variant, why, sizeof(why));
		snprintf(repeat, sizeof(repeat), "%.500s %.300s", path, why);
		trace_file_run(request->trace, sim->env, repeat);
	}
	run_scenario(sim, scn, options, &result);
	if (request->choices && sim->env->chooser.out_of_range)
		return usage_error("--choices: a choice is larger than what there was to choose from");
	choose_print_kinds(&sim->env->chooser, choices, sizeof(choices));
	if (is_failure(&result) && result.failed_step)
		take_picture(request, sim, scn, options, choices, &result);
	repeat_command(request, path, scn, options->variant, choices, repeat, sizeof(repeat));
	report_item(&request->report, &(struct report_item){
		.file = path, .scn = scn, .variant = options->variant, .result = &result,
		.choices = choices, .repeat = repeat, .hits = sim->env->checker.hits });
	return 0;
}

/* ---- Files ---- */

static int run_parsed(struct run_request *request, const char *path, const struct scn *scn)
{
	struct run_setting set[MACHINE_SET_MAX];
	u32 count = run_variant_count(scn), v;
	int err = 0;

	for (v = 0; v < count && !err; v++) {
		struct run_options options = {
			.variant = v, .set = set, .set_count = machine_settings(&request->machine, scn, set),
		};

		if (machine_wants(&request->machine, scn, v))
			err = run_variant(request, path, scn, &options);
	}
	return err;
}

/* KTAP says how many tests there are before the first. */
static u32 plan(const struct run_request *request, struct scn **scn, u32 count)
{
	u32 i, v, planned = 0;

	for (i = 0; i < count; i++) {
		if (!scn[i])
			planned++;
		for (v = 0; scn[i] && v < run_variant_count(scn[i]); v++)
			planned += machine_wants(&request->machine, scn[i], v);
	}
	return planned;
}

static int run_paths(struct run_request *request, const struct path_list *paths)
{
	struct scn **scn = calloc(paths->count, sizeof(*scn));
	struct diag *diag = calloc(paths->count, sizeof(*diag));
	int err = 0;
	u32 i;

	if (!scn || !diag)
		abort();
	for (i = 0; i < paths->count; i++)
		scn[i] = scn_parse_file(paths->path[i], &diag[i]);
	request->report.planned = plan(request, scn, paths->count);
	report_begin(&request->report);
	for (i = 0; i < paths->count && !err; i++) {
		if (scn[i])
			err = run_parsed(request, paths->path[i], scn[i]);
		else
			report_error(&request->report, paths->path[i], &diag[i]);
	}
	for (i = 0; i < paths->count; i++)
		scn_free(scn[i]);
	free(scn);
	free(diag);
	return err ? err : report_end(&request->report);
}

static int check_request(struct run_request *request, const struct option_words *words)
{
	struct sim_config config;
	char why[DIAG_TEXT_MAX];
	u32 i;

	if (!words->count)
		return usage_error("which scenario? A file, a directory or '-'; 'septum run --help' tells more");
	if (request->has_seed && request->choices)
		return usage_error("--seed and --choices exclude each other");
	sim_config_default(&config);
	for (i = 0; i < request->machine.set_count; i++)
		if (sim_config_set(&config, request->machine.set[i].knob, request->machine.set[i].value, why,
				   sizeof(why)) == -EINVAL)
			return usage_error("%s", why);
	if (request->trace_path) {
		request->trace = trace_file_open(request->trace_path);
		if (!request->trace)
			return EXIT_BAD_INPUT;
	}
	return 0;
}

int cmd_run(int argc, char **argv)
{
	struct run_request *request = calloc(1, sizeof(*request));
	struct option_words words = { 0 };
	struct path_list paths = { 0 };
	int status;
	u32 i;

	if (!request)
		return EXIT_INTERNAL;
	status = options_parse("run", argc, argv, rows, ARRAY_SIZE(rows), request, &words);
	if (!status && request->kernel && words.count)
		status = kernel_program_exec(argc, argv);
	if (!status)
		status = check_request(request, &words);
	for (i = 0; i < words.count && !status; i++)
		status = paths_gather(&paths, words.word[i]);
	if (!status)
		status = run_paths(request, &paths);
	if (request->trace && trace_file_close(request->trace))
		status = usage_error("%s: not all events could be written", request->trace_path);
	paths_free(&paths);
	option_words_free(&words);
	sim_cache_free(&request->cache);
	free(request);
	return status < 0 ? 0 : status;
}
