// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cutting a line into tokens. Bytes that are no text are refused here, so that
 * nothing above ever sees them; comments may hold UTF-8.
 */
#include <stdio.h>
#include <string.h>

#include "sim/scn_lex.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool bytes_are_text(const char *line, size_t length, u32 *col, char *why,
			   size_t why_size)
{
	bool comment = false, quoted = false;
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned char c = line[i];

		if (c == '"')
			quoted = !quoted;
		if (c == '#' && !quoted)
			comment = true;
		if ((c >= 0x20 && c < 0x7f) || c == '\t' || (c >= 0x80 && comment))
			continue;
		*col = i + 1;
		snprintf(why, why_size, "byte 0x%02x is no text", c);
		return false;
	}
	return true;
}

/* A word ends at a blank or a closing bracket outside quotes. 0: a quote is open. */
static size_t word_length(const char *at, const char *end)
{
	const char *start = at;
	bool quoted = false;

	for (; at < end; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (!quoted && (is_blank(*at) || *at == ']' || *at == ')'))
			break;
	}
	return quoted ? 0 : at - start;
}

static int single_kind(const char *at, const char *end, bool first)
{
	bool alone = at + 1 >= end || is_blank(at[1]);

	switch (*at) {
	case '=': return alone ? TOKEN_EQUALS : -1;
	case '|': return alone ? TOKEN_PIPE : -1;
	case '>': return first ? TOKEN_GREATER : -1;
	case '[': return TOKEN_LIMIT;
	case ']': return TOKEN_LIMIT_END;
	case '(': return TOKEN_PROPERTIES;
	case ')': return TOKEN_PROPERTIES_END;
	default: return -1;
	}
}

static void split_value(struct token *token)
{
	char *equals;

	if (token->text[0] == '"')
		return;
	equals = strchr(token->text, '=');
	if (!equals || equals == token->text)
		return;
	*equals = '\0';
	token->value = equals + 1 - token->text;
}

bool lex_line(const char *line, size_t length, struct token_line *out, u32 *col,
	      char *why, size_t why_size)
{
	const char *at = line, *end = line + length;
	char *text = out->buffer;
	struct token *token;
	size_t size;
	int kind;

	out->count = 0;
	if (!bytes_are_text(line, length, col, why, why_size))
		return false;
	for (;;) {
		while (at < end && is_blank(*at))
			at++;
		if (at == end)
			return true;
		*col = at - line + 1;
		if (out->count == TOKEN_MAX) {
			snprintf(why, why_size, "more than %u words in a line", TOKEN_MAX);
			return false;
		}
		token = &out->token[out->count];
		kind = single_kind(at, end, out->count == 0);
		size = 1;
		if (*at == '#') {
			kind = TOKEN_COMMENT;
			size = end - at;
		} else if (kind < 0) {
			kind = TOKEN_WORD;
			size = word_length(at, end);
		}
		if (!size) {
			snprintf(why, why_size, "a quote is not closed");
			return false;
		}
		*token = (struct token){ .kind = kind, .col = *col, .text = text };
		memcpy(text, at, size);
		text[size] = '\0';
		text += size + 1;
		if (kind == TOKEN_WORD)
			split_value(token);
		out->count++;
		at += size;
	}
}
