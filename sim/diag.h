/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Complaints about input, the way a compiler makes them: place, sentence, the
 * source line with a caret, the nearest known word. Whoever finds the fault
 * builds the sentence; only the top level prints it and adds the repeat command.
 */
#ifndef SEPTUM_DIAG_H
#define SEPTUM_DIAG_H

#include <stdio.h>

#include "sim/base/types.h"

#define DIAG_TEXT_MAX	320
#define DIAG_NOTE_MAX	640
#define DIAG_COLUMNS	72	/* a source line is cut here when shown */

struct diag_place {
	const char *file;	/* NULL: no place (command line) */
	u32 line, col;		/* from 1; 0 = whole file or whole line */
};

struct diag {
	bool set;		/* the first complaint wins */
	struct diag_place at;		/* ->file is not kept, see below */
	char file[240];			/* empty: no place */
	char text[DIAG_TEXT_MAX];	/* lower case, no full stop */
	char source[160];		/* the line at fault, may be empty */
	char caret[120];		/* short remark behind the caret, may be empty */
	char note[DIAG_NOTE_MAX];	/* whole lines of evidence, may be empty */
};

void diag_clear(struct diag *diag);
/* Keep this complaint unless there is one already. @source may be NULL. */
void diag_set(struct diag *diag, struct diag_place at, const char *source,
	      const char *fmt, ...) __printf(4, 5);
/* Append evidence: one or more whole lines. */
void diag_note(struct diag *diag, const char *fmt, ...) __printf(2, 3);

/* As text for a person; colour when @colour. */
void diag_print(FILE *out, const struct diag *diag, bool colour);

/* True when @out is a terminal and NO_COLOR is not set. */
bool diag_colour(FILE *out);

/*
 * The word of @words nearest to @word by optimal string alignment distance,
 * NULL when none is near enough to be a slip. Case counts half.
 */
const char *diag_nearest(const char *word, const char *const *words, u32 count);

/* Gathers words one by one, for tables that are no array of strings. */
struct diag_guess {
	const char *word;
	const char *best;
	u32 best_cost;
};

void diag_guess_start(struct diag_guess *guess, const char *word);
void diag_guess_add(struct diag_guess *guess, const char *candidate);
/* NULL when nothing is near enough. */
const char *diag_guess_best(const struct diag_guess *guess);
/* ", did you mean 'x'?" or "": for the end of a sentence. */
const char *diag_guess_text(const struct diag_guess *guess, char *text, size_t size);

#endif /* SEPTUM_DIAG_H */
