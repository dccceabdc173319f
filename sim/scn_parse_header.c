// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a scenario says about itself: hypothesis and verdict in its comments, and
 * what only the whole text can be held to.
 */
#include <string.h>

#include "sim/parser.h"

static const char *skip_mark(const char *comment)
{
	while (*comment == '#' || *comment == ' ')
		comment++;
	return comment;
}

static bool parse_verdict(struct parser *parser, const char *text, u32 col)
{
	static const char *const names[] = { "Never", "Sometimes", "Always" };
	const char *near;
	u32 i;

	while (*text == ' ')
		text++;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], text))
			continue;
		if (parser->scn->verdict)
			return parser_fail(parser, col, "a second verdict, the first is in line %u",
					   parser->scn->verdict_line);
		parser->scn->verdict = SCN_NEVER + i;
		parser->scn->verdict_line = parser->line;
		return true;
	}
	near = diag_nearest(text, names, ARRAY_SIZE(names));
	return parser_fail(parser, col, "'%.40s' is no verdict%s%s%s (Never, Sometimes, Always)",
			   text, near ? ", did you mean '" : "", near ? near : "",
			   near ? "'?" : "");
}

/* The first comment that says something is the hypothesis. */
bool parse_comment(struct parser *parser, struct scn_node *node)
{
	const char *text;

	node->kind = SCN_COMMENT;
	parser_finish(parser, &node->comment);
	if (parser->file)
		return true;
	text = skip_mark(node->comment);
	if (!strncmp(text, "Result:", 7))
		return parse_verdict(parser, text + 7, node->col);
	if (!parser->scn->hypothesis && *text && strncmp(text, "SPDX-", 5) &&
	    strncmp(text, "Produces:", 9))
		parser->scn->hypothesis = text;
	return true;
}

static u32 count_conditions(const struct scn *scn, const struct scn_node **first)
{
	u32 i, count = 0;

	for (i = 0; i < scn->node_count; i++) {
		if (scn->node[i].kind != SCN_CONDITION)
			continue;
		if (!count++)
			*first = &scn->node[i];
	}
	return count;
}

/* What a single line cannot know. */
bool check_whole(struct parser *parser)
{
	const struct scn_node *condition = NULL;
	struct scn *scn = parser->scn;
	u32 conditions = count_conditions(scn, &condition);

	parser->line_text = NULL;
	parser->line_length = 0;
	parser->line = scn->verdict_line;
	if (scn->verdict && !conditions)
		return parser_fail(parser, 0, "a verdict needs a 'condition' line to be about");
	if (conditions > 1)
		return parser_fail(parser, 0, "more than one 'condition' line");
	if (conditions && !scn->verdict) {
		parser->line = condition->line;
		return parser_fail(parser, 0,
				   "a condition needs a verdict: '# Result: Never|Sometimes|Always' in the header");
	}
	parser->line = 0;
	if (!scn->step_count)
		return parser_fail(parser, 0, "no step: a scenario that does nothing proves nothing");
	parser->line = 1;
	if (!scn->hypothesis)
		return parser_fail(parser, 0,
				   "no hypothesis: the first comment line says in a sentence what is believed");
	return true;
}
