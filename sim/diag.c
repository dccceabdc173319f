// SPDX-License-Identifier: GPL-2.0-only
/*
 * Complaints about input: keeping the first one, printing it with its source
 * line and a caret, and finding the known word somebody probably meant. Nearness
 * is the optimal string alignment distance: insertion, deletion, change, and
 * the swap of two neighbours, the four ways a hand slips on a keyboard.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/diag.h"

#define WORD_MAX	48	/* longer words are nobody's typing slip */
#define COST_EDIT	2
#define COST_CASE	1

void diag_clear(struct diag *diag)
{
	diag->set = false;
	diag->at = (struct diag_place){ 0 };
	diag->file[0] = diag->text[0] = diag->source[0] = diag->caret[0] = diag->note[0] = '\0';
}

void diag_set(struct diag *diag, struct diag_place at, const char *source,
	      const char *fmt, ...)
{
	va_list args;

	if (diag->set)
		return;
	diag_clear(diag);
	diag->set = true;
	/* The name may belong to a tree that is freed before this is printed. */
	snprintf(diag->file, sizeof(diag->file), "%s", at.file ? at.file : "");
	diag->at = (struct diag_place){ NULL, at.line, at.col };
	va_start(args, fmt);
	vsnprintf(diag->text, sizeof(diag->text), fmt, args);
	va_end(args);
	if (source)
		snprintf(diag->source, sizeof(diag->source), "%s", source);
}

void diag_note(struct diag *diag, const char *fmt, ...)
{
	size_t used = strlen(diag->note);
	va_list args;

	va_start(args, fmt);
	vsnprintf(diag->note + used, sizeof(diag->note) - used, fmt, args);
	va_end(args);
}

/*
 * The line is shown from its beginning unless the caret would fall outside:
 * then its head is cut instead. Control characters and bytes beyond ASCII are
 * shown as dots, so that binary garbage cannot reach a terminal.
 */
static void print_source(FILE *out, const struct diag *diag)
{
	u32 length = strlen(diag->source), col = diag->at.col, from = 0, shown, i;

	if (col > DIAG_COLUMNS - 8)
		from = col - DIAG_COLUMNS / 2;
	if (from >= length)
		from = 0;
	fprintf(out, "%5u | %s", diag->at.line, from ? "..." : "");
	shown = length - from;
	if (shown > DIAG_COLUMNS)
		shown = DIAG_COLUMNS;
	for (i = 0; i < shown; i++) {
		char c = diag->source[from + i];

		fputc(c == '\t' ? ' ' : isprint((unsigned char)c) ? c : '.', out);
	}
	fprintf(out, "%s\n", from + shown < length ? "..." : "");
	if (!col || col > length + 1)
		return;
	fprintf(out, "      | %*s^%s%s\n", (int)(col - 1 - from + (from ? 3 : 0)), "",
		diag->caret[0] ? " " : "", diag->caret);
}

void diag_print(FILE *out, const struct diag *diag, bool colour)
{
	const char *bold = colour ? "\033[1m" : "", *plain = colour ? "\033[0m" : "";

	if (!diag->file[0])
		fprintf(out, "septum: ");
	else if (!diag->at.line)
		fprintf(out, "%s%s:%s ", bold, diag->file, plain);
	else if (!diag->at.col)
		fprintf(out, "%s%s:%u:%s ", bold, diag->file, diag->at.line, plain);
	else
		fprintf(out, "%s%s:%u:%u:%s ", bold, diag->file, diag->at.line,
			diag->at.col, plain);
	fprintf(out, "%s\n", diag->text);
	if (diag->source[0] && diag->at.line)
		print_source(out, diag);
	fputs(diag->note, out);
}

bool diag_colour(FILE *out)
{
	const char *no_color = getenv("NO_COLOR");

	return !(no_color && no_color[0]) && isatty(fileno(out));
}

static u32 change_cost(char a, char b)
{
	/* The specification's dots are the kernel's underscores. */
	if (a == b || (a == '.' && b == '_'))
		return 0;
	return tolower((unsigned char)a) == tolower((unsigned char)b) ?
	       COST_CASE : COST_EDIT;
}

/* Rows are kept three deep: the swap looks two back. */
static u32 word_distance(const char *a, const char *b)
{
	u32 row[3][WORD_MAX + 1], la = strlen(a), lb = strlen(b), i, j;

	if (la > WORD_MAX || lb > WORD_MAX)
		return ~0u;
	for (j = 0; j <= lb; j++)
		row[0][j] = j * COST_EDIT;
	for (i = 1; i <= la; i++) {
		u32 *now = row[i % 3], *last = row[(i - 1) % 3];

		now[0] = i * COST_EDIT;
		for (j = 1; j <= lb; j++) {
			u32 cost = last[j - 1] + change_cost(a[i - 1], b[j - 1]);

			if (last[j] + COST_EDIT < cost)
				cost = last[j] + COST_EDIT;
			if (now[j - 1] + COST_EDIT < cost)
				cost = now[j - 1] + COST_EDIT;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    row[(i - 2) % 3][j - 2] + COST_EDIT < cost)
				cost = row[(i - 2) % 3][j - 2] + COST_EDIT;
			now[j] = cost;
		}
	}
	return row[la % 3][lb];
}

void diag_guess_start(struct diag_guess *guess, const char *word)
{
	*guess = (struct diag_guess){ .word = word, .best_cost = ~0u };
}

/*
 * A word somebody abbreviated ('AUG' for 'TDH.MEM.PAGE.AUG') is nearer than
 * its distance says: a candidate that ends in it counts as one edit.
 */
void diag_guess_add(struct diag_guess *guess, const char *candidate)
{
	u32 cost = word_distance(guess->word, candidate);
	size_t lw = strlen(guess->word), lc = strlen(candidate);

	if (lw >= 3 && lc > lw && !strcasecmp(candidate + lc - lw, guess->word) &&
	    cost > 3 * COST_EDIT)
		cost = 2 * COST_EDIT;
	if (cost < guess->best_cost) {
		guess->best_cost = cost;
		guess->best = candidate;
	}
}

/* A third of the letters may be wrong, at least one. */
const char *diag_guess_best(const struct diag_guess *guess)
{
	u32 allowed = COST_EDIT * (1 + strlen(guess->word) / 3);

	return guess->best && guess->best_cost <= allowed ? guess->best : NULL;
}

const char *diag_guess_text(const struct diag_guess *guess, char *text, size_t size)
{
	const char *best = diag_guess_best(guess);

	if (best)
		snprintf(text, size, ", did you mean '%s'?", best);
	else if (size)
		text[0] = '\0';
	return text;
}

const char *diag_nearest(const char *word, const char *const *words, u32 count)
{
	struct diag_guess guess;
	u32 i;

	diag_guess_start(&guess, word);
	for (i = 0; i < count; i++)
		diag_guess_add(&guess, words[i]);
	return diag_guess_best(&guess);
}
