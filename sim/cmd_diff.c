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

struct diff_request {
	bool record;
	struct sim_cache cache;
	u32 same, different, known, skipped;
	u32 known_lines;	/* see known_diffs.def */
};

static int set_record(void *ctx, const char *text)
{
	((struct diff_request *)ctx)->record = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--record", NULL, "write this program's record and compare nothing", set_record },
};

/* ---- Differences with a known cause ---- */

enum side { MODEL, KERNEL };

/* Each table may be empty: a row without a text ends it. */

static const struct known_line {
	enum side side;
	const char *glob, *row;
} known_lines[] = {
#define LINE(side, glob, row) { side, glob, row },
#define PAIR(model, kernel, row)
#define FILE_(glob, row)
#include "sim/known_diffs.def"
#undef LINE
#undef PAIR
	{ 0 }
};

static const struct known_pair {
	const char *model, *kernel, *row;
} known_pairs[] = {
#define LINE(side, glob, row)
#define PAIR(model, kernel, row) { model, kernel, row },
#include "sim/known_diffs.def"
#undef PAIR
#undef FILE_
	{ 0 }
};

static const struct known_file {
	const char *glob, *row;
} known_files[] = {
#define PAIR(model, kernel, row)
#define FILE_(glob, row) { glob, row },
#include "sim/known_diffs.def"
#undef LINE
#undef PAIR
#undef FILE_
	{ 0 }
};

static bool line_left_out(struct diff_request *request, enum side side, const char *line)
{
	u32 i;

	for (i = 0; known_lines[i].glob; i++) {
		if (known_lines[i].side != side || fnmatch(known_lines[i].glob, line, 0))
			continue;
		request->known_lines++;
		return true;
	}
	return false;
}

static bool lines_agree(struct diff_request *request, const char *model, const char *kernel)
{
	u32 i;

	if (!strcmp(model, kernel))
		return true;
	for (i = 0; known_pairs[i].model; i++)
		if (!strcmp(known_pairs[i].model, model) &&
		    !strcmp(known_pairs[i].kernel, kernel)) {
			request->known_lines++;
			return true;
		}
	return false;
}

/* The row that explains a whole run, NULL for none. @name: file and variant. */
static const char *known_file(const char *name)
{
	u32 i;

	for (i = 0; known_files[i].glob; i++)
		if (!fnmatch(known_files[i].glob, name, 0))
			return known_files[i].row;
	return NULL;
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

/* A step this kernel cannot express, in a run that went on all the same. */
static bool step_skipped(const char *line)
{
	size_t length = strlen(line);

	return starts(line, "step ") && length > 7 && !strcmp(line + length - 7, " = skip");
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
		while (next_line(model, a) && line_left_out(request, MODEL, a))
			;
		while (next_line(kernel, b) && line_left_out(request, KERNEL, b))
			;
		same = lines_agree(request, a, b);
		if (same && starts(a, "step "))
			strcpy(step, a + strlen("step "));
	} while (same && a[0] && !ends_run(a));

	strcpy(model_line, a);
	strcpy(kernel_line, b);
	skip_to_end(model, a);
	skip_to_end(kernel, b);
	if (starts(b, "skipped ") || step_skipped(kernel_line)) {
		request->skipped++;
		printf("skipped   %s: %s\n", name,
		       starts(b, "skipped ") ? b + strlen("skipped ") : kernel_line);
	} else if (!same && known_file(name)) {
		request->known++;
		printf("known     %s: %s\n", name, known_file(name));
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
	printf("%u same, %u different, %u known to differ, %u skipped; %u lines with a known cause\n",
	       request->same, request->different, request->known, request->skipped,
	       request->known_lines);
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
