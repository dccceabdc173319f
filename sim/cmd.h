/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs of the program. Each gets the words behind its name and returns the
 * exit status: 0 as expected, 1 mismatch, 2 bad input or usage, 3 invariant
 * broken, 4 internal error, 5 a bound was hit before a verdict.
 */
#ifndef SEPTUM_CMD_H
#define SEPTUM_CMD_H

#include <stdio.h>

#include "sim/base/types.h"

enum exit_status {
	EXIT_AS_EXPECTED = 0,
	EXIT_MISMATCH = 1,
	EXIT_BAD_INPUT = 2,
	EXIT_INVARIANT = 3,
	EXIT_INTERNAL = 4,
	EXIT_BOUND = 5,
};

enum output_format { FORMAT_TEXT, FORMAT_KTAP, FORMAT_JSON };

/*
 * @argv[0] is the verb. Each has a row in commands.def: usage
 * line, one-line help, example.
 */
typedef int cmd_fn(int argc, char **argv);

cmd_fn cmd_run, cmd_decode, cmd_list, cmd_fmt, cmd_version;
/* Rows for those that are not there yet come into commands.def with the function. */
cmd_fn cmd_explore, cmd_sweep, cmd_campaign, cmd_shrink;
cmd_fn cmd_graph, cmd_bench, cmd_tell, cmd_matrix, cmd_diff;

/* ---- Help for command lines, options.c ---- */

/*
 * Options of one verb: "--name", "--name VALUE" and "--name=VALUE". A row with
 * ->value NULL is a flag. Words that are no option are gathered in ->words.
 */
struct option_row {
	const char *name;	/* "--seed" */
	const char *value;	/* "N", NULL for a flag */
	const char *help;
	/* Called for each use; @text NULL for a flag. Nonzero: message printed. */
	int (*set)(void *ctx, const char *text);
};

struct option_words {
	const char **word;
	u32 count, max;
};

/*
 * 0, or EXIT_BAD_INPUT with a message printed; -1 when --help was asked and
 * answered. @verb: row name in main.c's table, for help and did-you-mean.
 */
int options_parse(const char *verb, int argc, char **argv,
		  const struct option_row *rows, u32 row_count, void *ctx,
		  struct option_words *words);
void option_words_free(struct option_words *words);

/* Shared readers. Each prints its message and returns EXIT_BAD_INPUT when wrong. */
int option_format(const char *text, enum output_format *format);
int option_u64(const char *name, const char *text, u64 *number);

/* "septum: text" on stderr; returns EXIT_BAD_INPUT. */
int usage_error(const char *fmt, ...) __printf(1, 2);

/* ---- Files ---- */

struct path_list {
	char **path;
	u32 count, max;
};

/*
 * Gather scenarios: a file as it is, of a directory all *.scn below it in
 * sorted order, directories named common left out. "-" is stdin.
 */
int paths_gather(struct path_list *list, const char *path);
/* The same without a message: for what is nice to have. */
int paths_gather_quietly(struct path_list *list, const char *path);
/*
 * The shipped scenarios: here, else where the program was built or installed.
 * NULL: nowhere. The answer may lie in @path.
 */
const char *paths_shipped(char *path, size_t size);
void paths_free(struct path_list *list);

/* @text as a JSON string, quotes included. */
void json_string(FILE *out, const char *text);

#endif /* SEPTUM_CMD_H */
