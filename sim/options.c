// SPDX-License-Identifier: GPL-2.0-only
/* Command lines: options as tables, --help, numbers, did-you-mean, JSON text. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/diag.h"
#include "sim/scn.h"

static const struct {
	const char *name, *usage, *help, *example;
} commands[] = {
#define COMMAND(name, usage, help, example) { #name, usage, help, example },
#include "sim/commands.def"
#undef COMMAND
};

int usage_error(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "septum: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_BAD_INPUT;
}

static void print_help(const char *verb, const struct option_row *rows, u32 row_count)
{
	char form[64];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, verb))
			printf("usage: septum %s%s%s\n\n%s\n", verb,
			       commands[i].usage[0] ? " " : "", commands[i].usage,
			       commands[i].help);
	if (row_count)
		printf("\n");
	for (i = 0; i < row_count; i++) {
		snprintf(form, sizeof(form), "%s%s%s", rows[i].name, rows[i].value ? " " : "",
			 rows[i].value ? rows[i].value : "");
		printf("  %-26s %s\n", form, rows[i].help);
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, verb))
			printf("\nexample:\n  %s\n", commands[i].example);
}

static void add_word(struct option_words *words, const char *word)
{
	if (words->count == words->max) {
		words->max = words->max ? 2 * words->max : 16;
		words->word = realloc(words->word, words->max * sizeof(*words->word));
		if (!words->word)
			abort();
	}
	words->word[words->count++] = word;
}

void option_words_free(struct option_words *words)
{
	free(words->word);
	*words = (struct option_words){ 0 };
}

/* The row @text names, with or without =VALUE behind it. */
static const struct option_row *find_row(const char *text, const struct option_row *rows,
					 u32 count, const char **value)
{
	size_t length = strcspn(text, "=");
	u32 i;

	*value = text[length] ? text + length + 1 : NULL;
	for (i = 0; i < count; i++)
		if (strlen(rows[i].name) == length && !strncmp(rows[i].name, text, length))
			return &rows[i];
	return NULL;
}

static int unknown_option(const char *verb, const char *text, const struct option_row *rows,
			  u32 count)
{
	struct diag_guess guess;
	char near[80], name[64];
	u32 i;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
	diag_guess_start(&guess, name);
	for (i = 0; i < count; i++)
		diag_guess_add(&guess, rows[i].name);
	diag_guess_add(&guess, "--help");
	return usage_error("'%s' has no option '%s'%s", verb, name,
			   diag_guess_text(&guess, near, sizeof(near)));
}

int options_parse(const char *verb, int argc, char **argv, const struct option_row *rows,
		  u32 row_count, void *ctx, struct option_words *words)
{
	const struct option_row *row;
	const char *value;
	bool only_words = false;
	int i, err;

	for (i = 1; i < argc; i++) {
		if (only_words || argv[i][0] != '-' || !argv[i][1]) {
			add_word(words, argv[i]);
			continue;
		}
		if (!strcmp(argv[i], "--")) {
			only_words = true;
			continue;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			print_help(verb, rows, row_count);
			return -1;
		}
		row = find_row(argv[i], rows, row_count, &value);
		if (!row)
			return unknown_option(verb, argv[i], rows, row_count);
		if (!row->value && value)
			return usage_error("'%s' takes no value", row->name);
		if (row->value && !value) {
			if (i + 1 == argc)
				return usage_error("'%s' needs a value: %s", row->name,
						   row->value);
			value = argv[++i];
		}
		err = row->set(ctx, value);
		if (err)
			return err;
	}
	return 0;
}

int option_format(const char *text, enum output_format *format)
{
	static const char *const names[] = { "text", "ktap", "json" };
	const char *near;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], text))
			continue;
		*format = i;
		return 0;
	}
	near = diag_nearest(text, names, ARRAY_SIZE(names));
	return usage_error("unknown format '%s'%s%s%s (text, ktap, json)", text,
			   near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int option_u64(const char *name, const char *text, u64 *number)
{
	struct scn_value value = { 0 };
	char why[DIAG_TEXT_MAX];

	if (!scn_parse_value(TYPE_NUMBER, text, NULL, &value, why, sizeof(why)))
		return usage_error("%s: %s", name, why);
	*number = value.number;
	return 0;
}

void json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}
