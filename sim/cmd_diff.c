// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum diff`: one scenario on the modelled kernel in this program and on the
 * real kernel's objects in build/septum-kernel. Both write the same kind of
 * record (record.h); the first line that differs is the finding, with the step
 * it belongs to. `--record` only writes this program's record: that is what the
 * other program is started with.
 */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/kernel_program.h"
#include "sim/record.h"

#define RECORD_LINE_MAX	600
#define RECORD_SECONDS	20

#define KNOWN_MAX	32

struct diff_request {
	bool record;
	u32 known[KNOWN_MAX];	/* lines left out, by row */
	struct sim_cache cache;
	u32 same, different, skipped;
};

static int set_record(void *ctx, const char *text)
{
	((struct diff_request *)ctx)->record = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--record", NULL, "write this program's record and compare nothing", set_record },
};

/* ---- Lines with a known cause ---- */

enum side { MODEL, KERNEL };

static const struct known {
	enum side side;
	const char *glob, *row;
} known[] = {
#define KNOWN(side, glob, row) { side, glob, row },
#include "sim/known_diffs.def"
#undef KNOWN
};

static_assert(ARRAY_SIZE(known) <= KNOWN_MAX, "a counter for each row");

static bool is_known(struct diff_request *request, enum side side, const char *line)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].side != side || fnmatch(known[i].glob, line, 0))
			continue;
		request->known[i]++;
		return true;
	}
	return false;
}

static void print_known(const struct diff_request *request)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (request->known[i])
			printf("known     %s: %u lines of the %s '%s'\n", known[i].row,
			       request->known[i], known[i].side == MODEL ? "model" : "kernel",
			       known[i].glob + strspn(known[i].glob, " "));
}

/* ---- Comparing ---- */

static bool next_line(FILE *in, char *line)
{
	if (!fgets(line, RECORD_LINE_MAX, in)) {
		line[0] = '\0';
		return false;
	}
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static bool starts(const char *line, const char *word)
{
	return !strncmp(line, word, strlen(word));
}

/* Is this the last line of a run? */
static bool ends_run(const char *line)
{
	return starts(line, "verdict ") || starts(line, "skipped ");
}

static void skip_to_end(FILE *in, char *line)
{
	while (!ends_run(line) && next_line(in, line))
		;
}

/*
 * One run: both stand behind its "run" line. A run that the real kernel cannot
 * express says nothing, however far it came.
 */
static void compare_run(struct diff_request *request, const char *name, FILE *model, FILE *kernel)
{
	char a[RECORD_LINE_MAX] = "", b[RECORD_LINE_MAX] = "", step[RECORD_LINE_MAX] = "(before the first step)";
	char model_line[RECORD_LINE_MAX], kernel_line[RECORD_LINE_MAX];
	bool same;

	do {
		while (next_line(model, a) && is_known(request, MODEL, a))
			;
		while (next_line(kernel, b) && is_known(request, KERNEL, b))
			;
		same = !strcmp(a, b);
		if (same && starts(a, "step "))
			strcpy(step, a + strlen("step "));
	} while (same && a[0] && !ends_run(a));

	strcpy(model_line, a);
	strcpy(kernel_line, b);
	skip_to_end(model, a);
	skip_to_end(kernel, b);
	if (starts(b, "skipped ")) {
		request->skipped++;
		printf("skipped   %s: %s\n", name, b + strlen("skipped "));
	} else if (same) {
		request->same++;
		printf("same      %s\n", name);
	} else {
		request->different++;
		printf("different %s\n  behind: %s\n  model:  %s\n  kernel: %s\n", name, step,
		       model_line, kernel_line[0] ? kernel_line : "(the program ended)");
	}
}

static int diff_file(struct diff_request *request, const char *program, const char *path)
{
	char a[RECORD_LINE_MAX], b[RECORD_LINE_MAX];
	FILE *model = tmpfile(), *kernel;
	int err;

	if (!model)
		return usage_error("no temporary file: %s", strerror(errno));
	err = record_file(path, &request->cache, model);
	rewind(model);
	kernel = err ? NULL : kernel_program_record(program, path);
	if (!err && !kernel)
		err = usage_error("%s: %s", program, strerror(errno));
	while (!err && next_line(model, a)) {
		if (!next_line(kernel, b) || strcmp(a, b)) {
			err = EXIT_INTERNAL;
			fprintf(stderr, "septum: %s ended early in %s\n", program, path);
			break;
		}
		compare_run(request, a + strlen("run "), model, kernel);
	}
	fclose(model);
	if (kernel)
		kernel_program_end(kernel);
	return err;
}

static int diff_all(struct diff_request *request, const struct path_list *paths)
{
	char program[PATH_MAX];
	int err = 0;
	u32 i;

	if (!request->record && !kernel_program(program, sizeof(program)))
		return usage_error("no real kernel is built ('make kernel KDIR=...' builds one)");
	for (i = 0; i < paths->count && err != EXIT_INTERNAL; i++) {
		int one;

		/* A kernel that never comes back must not stop the other program. */
		if (request->record)
			alarm(RECORD_SECONDS);
		one = request->record ?
		      record_file(paths->path[i], &request->cache, stdout) :
		      diff_file(request, program, paths->path[i]);

		err = one ? one : err;
	}
	if (request->record)
		return err;
	print_known(request);
	printf("%u same, %u different, %u skipped\n", request->same, request->different,
	       request->skipped);
	return err ? err : request->different ? EXIT_MISMATCH : EXIT_AS_EXPECTED;
}

int cmd_diff(int argc, char **argv)
{
	struct diff_request *request = calloc(1, sizeof(*request));
	struct option_words words = { 0 };
	struct path_list paths = { 0 };
	int status;
	u32 i;

	if (!request)
		abort();
	status = options_parse("diff", argc, argv, rows, ARRAY_SIZE(rows), request, &words);
	if (!status && !words.count)
		status = usage_error("which scenario? 'septum diff --help' tells more");
	for (i = 0; i < words.count && !status; i++)
		status = paths_gather(&paths, words.word[i]);
	if (!status)
		status = diff_all(request, &paths);
	paths_free(&paths);
	option_words_free(&words);
	sim_cache_free(&request->cache);
	free(request);
	return status < 0 ? 0 : status;
}
