/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the parser share: scn_parse.c and scn_parse_<part>.c. */
#ifndef SEPTUM_PARSER_H
#define SEPTUM_PARSER_H

#include "sim/scn_lex.h"
#include "sim/sim.h"
#include "sim/verbs.h"
#include "sim/words.h"

struct parser {
	struct scn *scn;
	struct diag *diag;
	struct sim_config *scratch;	/* knob values are tried on it */
	u16 file;
	u32 depth;			/* of use */
	u32 line;
	const char *line_text;
	size_t line_length;
	struct token_line tokens;
	u32 at;				/* next token */
};

/* The next token, NULL at the end of the line. */
struct token *parser_peek(struct parser *parser);
/* Keeps a complaint about column @col of the present line. Returns false. */
bool parser_fail(struct parser *parser, u32 col, const char *fmt, ...) __printf(3, 4);
/* Column behind the last token: where something is missing. */
u32 parser_end_col(const struct parser *parser);
const char *parser_keep(struct parser *parser, const char *text);
/* The comment at the end of a line, or NULL; anything else left is a fault. */
bool parser_finish(struct parser *parser, const char **comment);

/*
 * A whole step line from its actor on. In @node: ->step and ->comment are set.
 */
bool parse_step(struct parser *parser, struct scn_node *node);
/* An indented '>' line, added to @step. */
bool parse_crossing(struct parser *parser, struct scn_step *step);
/* "[not] VERB operands" up to 'and' or the end, as a step of ACTOR_EXPECT. */
bool parse_clause(struct parser *parser, struct scn_node *node);
/* True when @word can begin a step; fills @actor. */
bool parse_actor(const char *word, struct scn_actor *actor);
/* Adds the words a line that is no step can begin with. */
void guess_line_word(struct diag_guess *guess);

/* ---- Parts of a step line that '>' lines have too ---- */

/* The word behind '=' or '|'; @kind: enum verb_result. */
bool parse_result(struct parser *parser, u8 kind, struct scn_result *result);
bool parse_limits(struct parser *parser, struct scn_limit *limits, u8 *count);

typedef bool property_fn(struct parser *parser, void *line, struct token *token);

/* "(word name=N)": @fn takes each word. */
bool parse_properties(struct parser *parser, property_fn *fn, void *line);
bool parse_property_number(struct parser *parser, struct token *token, u32 min, u32 max,
			   u32 *number);

/* ---- scn_parse_set.c: the words behind the first ---- */

bool parse_set(struct parser *parser, struct scn_node *node);
bool parse_param(struct parser *parser, struct scn_node *node);
bool parse_vary(struct parser *parser, struct scn_node *node);
/* name=value words up to the end of the line; @form names one in complaints. */
bool parse_settings(struct parser *parser, struct scn_node *node, const char *form);

/* ---- scn_parse_header.c ---- */

bool parse_comment(struct parser *parser, struct scn_node *node);
/* What a single line cannot know. */
bool check_whole(struct parser *parser);

#endif /* SEPTUM_PARSER_H */
