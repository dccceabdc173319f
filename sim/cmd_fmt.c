// SPDX-License-Identifier: GPL-2.0-only
/* `septum fmt`: the canonical text of a scenario, and whether it has it already. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/scn.h"

struct fmt_request {
	bool check, write;
};

static int set_check(void *ctx, const char *text)
{
	((struct fmt_request *)ctx)->check = true;
	return 0;
}

static int set_write(void *ctx, const char *text)
{
	((struct fmt_request *)ctx)->write = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--check", NULL, "print nothing; exit 1 and the names of files that differ", set_check },
	{ "--write", NULL, "write each file back in canonical form", set_write },
};

static int write_back(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");
	bool ok = out && fputs(text, out) >= 0;

	if (out && fclose(out))
		ok = false;
	if (!ok)
		perror(path);
	return ok ? 0 : EXIT_BAD_INPUT;
}

static int format_file(const struct fmt_request *request, const char *path)
{
	struct diag diag;
	struct scn *scn = scn_parse_file(path, &diag);
	int status = 0;
	char *text;

	if (!scn) {
		diag_print(stderr, &diag, diag_colour(stderr));
		return EXIT_BAD_INPUT;
	}
	text = scn_print(scn);
	if (request->check || request->write) {
		if (strcmp(text, scn->file[0].text)) {
			if (request->write)
				status = write_back(path, text);
			else
				status = EXIT_MISMATCH;
			printf("%s\n", path);
		}
	} else {
		fputs(text, stdout);
	}
	free(text);
	scn_free(scn);
	return status;
}

int cmd_fmt(int argc, char **argv)
{
	struct fmt_request request = { 0 };
	struct option_words words = { 0 };
	struct path_list paths = { 0 };
	int status = options_parse("fmt", argc, argv, rows, ARRAY_SIZE(rows), &request, &words);
	u32 i;

	if (!status && !words.count)
		status = usage_error("which file? '-' is stdin");
	for (i = 0; i < words.count && !status; i++)
		status = paths_gather(&paths, words.word[i]);
	for (i = 0; i < paths.count && (!status || status == EXIT_MISMATCH); i++) {
		int one = format_file(&request, paths.path[i]);

		status = one ? one : status;
	}
	paths_free(&paths);
	option_words_free(&words);
	return status < 0 ? 0 : status;
}
