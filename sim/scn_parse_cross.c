// SPDX-License-Identifier: GPL-2.0-only
/* The '>' lines under a step: a SEAMCALL that must cross, or '...'. */
#include <string.h>

#include "sim/parser.h"

const char *const scn_reg_names[SCN_REG_NR] = {
	[SCN_REG_RCX] = "rcx", [SCN_REG_RDX] = "rdx", [SCN_REG_R8] = "r8", [SCN_REG_R9] = "r9",
	[SCN_REG_R10] = "r10", [SCN_REG_R11] = "r11", [SCN_REG_R12] = "r12", [SCN_REG_R13] = "r13",
	[SCN_REG_GPA] = "gpa", [SCN_REG_LEVEL] = "level", [SCN_REG_HPA] = "hpa", [SCN_REG_LP] = "lp",
};

static bool crossing_property(struct parser *parser, void *line, struct token *token)
{
	struct scn_crossing *crossing = line;

	if (!strcmp(token->text, "injected") && !token->value) {
		crossing->injected = true;
		return true;
	}
	if (!strcmp(token->text, "times"))
		return parse_property_number(parser, token, 1, ~0u, &crossing->times);
	return parser_fail(parser, token->col,
			   "unknown property '%.40s' of a '>' line (injected, times=N)",
			   token->text);
}

static bool parse_crossing_reg(struct parser *parser, struct scn_crossing *crossing,
			       struct token *token)
{
	struct scn_value value = { 0 };
	const char *text = token->text + token->value, *near;
	char why[DIAG_TEXT_MAX];
	u32 r;

	for (r = 0; r < SCN_REG_NR; r++)
		if (!strcmp(scn_reg_names[r], token->text))
			break;
	if (r == SCN_REG_NR || !token->value) {
		near = diag_nearest(token->text, scn_reg_names, SCN_REG_NR);
		return parser_fail(parser, token->col,
				   "'%.40s' is nothing a SEAMCALL has%s%s%s", token->text,
				   near ? ", did you mean '" : "", near ? near : "",
				   near ? "'?" : "");
	}
	if (!scn_parse_value(r == SCN_REG_LEVEL ? TYPE_LEVEL : TYPE_HEX, text, NULL, &value, why,
			     sizeof(why)))
		return parser_fail(parser, token->col + token->value, "%s", why);
	crossing->given |= 1u << r;
	crossing->reg[r] = value.number;
	crossing->reg_col[r] = token->col;
	return true;
}

static bool parse_crossing_leaf(struct parser *parser, struct scn_crossing *crossing,
				struct token *token)
{
	struct scn_value value = { 0 };
	char why[DIAG_TEXT_MAX];

	crossing->leaf_col = token->col;
	if (!scn_parse_value(TYPE_LEAF, token->text, NULL, &value, why, sizeof(why)))
		return parser_fail(parser, token->col, "%s", why);
	crossing->leaf = value.number;
	return true;
}

static bool parse_crossing_body(struct parser *parser, struct scn_crossing *crossing)
{
	struct token *token = parser_peek(parser);

	if (!token || token->kind != TOKEN_WORD)
		return parser_fail(parser, parser_end_col(parser),
				   "'>' needs a SEAMCALL or '...'");
	parser->at++;
	if (!strcmp(token->text, "...")) {
		crossing->anything = true;
	} else {
		if (!parse_crossing_leaf(parser, crossing, token))
			return false;
		while ((token = parser_peek(parser)) && token->kind == TOKEN_WORD) {
			parser->at++;
			/* "TDH.MEM.SEPT.ADD ...": whatever its registers are */
			if (strcmp(token->text, "...") &&
			    !parse_crossing_reg(parser, crossing, token))
				return false;
		}
		if (token && token->kind == TOKEN_EQUALS) {
			parser->at++;
			if (!parse_result(parser, VERB_STATUS, &crossing->result))
				return false;
		}
	}
	return parse_limits(parser, crossing->limit, &crossing->limit_count) &&
	       parse_properties(parser, crossing_property, crossing) &&
	       parse_limits(parser, crossing->limit, &crossing->limit_count);
}

bool parse_crossing(struct parser *parser, struct scn_step *step)
{
	struct scn_crossing *crossing, *grown;
	u32 count = step->crossing_count;

	/* Room doubles at each power of two. */
	if (!(count & (count - 1))) {
		grown = scn_alloc(parser->scn, sizeof(*grown) * (count ? 2 * count : 1));
		if (count)
			memcpy(grown, step->crossing, sizeof(*grown) * count);
		step->crossing = grown;
	}
	crossing = &step->crossing[count];
	*crossing = (struct scn_crossing){ .line = parser->line, .times = 1,
					   .col = parser_peek(parser)->col };
	parser->at++;
	if (!parse_crossing_body(parser, crossing) ||
	    !parser_finish(parser, &crossing->comment))
		return false;
	step->crossing_count++;
	return true;
}
