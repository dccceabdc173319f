/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of a scenario as tokens. Knows characters, no words. */
#ifndef SEPTUM_SCN_LEX_H
#define SEPTUM_SCN_LEX_H

#include "sim/scn.h"

enum token_kind {
	TOKEN_WORD,		/* anything without blanks; quotes keep blanks together */
	TOKEN_EQUALS,		/* '=' on its own */
	TOKEN_PIPE,		/* '|' on its own */
	TOKEN_GREATER,		/* '>' at the beginning of a line */
	TOKEN_LIMIT,		/* '[' */
	TOKEN_LIMIT_END,
	TOKEN_PROPERTIES,	/* '(' */
	TOKEN_PROPERTIES_END,
	TOKEN_COMMENT,		/* '#' to the end of the line */
};

#define TOKEN_MAX	96

struct token {
	u8 kind;
	u16 col;		/* from 1 */
	u16 value;		/* WORD name=value: where value starts, 0: no '=' in it */
	char *text;		/* NUL terminated; of name=value the '=' is NUL too */
};

struct token_line {
	struct token token[TOKEN_MAX];
	u32 count;
	char buffer[2 * SCN_LINE_MAX];
};

/*
 * False when @line (@length bytes, no newline) cannot be a line: *col says
 * where, @why what was there.
 */
bool lex_line(const char *line, size_t length, struct token_line *out, u32 *col,
	      char *why, size_t why_size);

#endif /* SEPTUM_SCN_LEX_H */
