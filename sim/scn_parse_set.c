// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines that set things up: set, param, vary, and the name=value words of use.
 * Knob values are tried on a scratch configuration, so that a wrong one is told
 * at its place and not when the machine is built.
 */
#include <errno.h>
#include <string.h>

#include "sim/parser.h"

/* name=value words up to the end of the line. */
bool parse_settings(struct parser *parser, struct scn_node *node, const char *form)
{
	struct scn_setting settings[SCN_WORDS_MAX];
	struct token *token;

	while ((token = parser_peek(parser))) {
		if (token->kind != TOKEN_WORD || !token->value)
			return parser_fail(parser, token->col, "'%.40s' is no %s", token->text,
					   form);
		if (node->count == SCN_WORDS_MAX)
			return parser_fail(parser, token->col, "more than %u settings in a line",
					   SCN_WORDS_MAX);
		settings[node->count++] = (struct scn_setting){
			.name = parser_keep(parser, token->text),
			.value = parser_keep(parser, token->text + token->value),
			.name_col = token->col,
			.value_col = token->col + token->value,
		};
		parser->at++;
	}
	if (node->count) {
		node->setting = scn_alloc(parser->scn, node->count * sizeof(settings[0]));
		memcpy(node->setting, settings, node->count * sizeof(settings[0]));
	}
	return parser_finish(parser, &node->comment);
}

static bool check_knob(struct parser *parser, const char *knob, const char *value,
		       u32 knob_col, u32 value_col)
{
	char why[DIAG_TEXT_MAX];
	int err = sim_config_set(parser->scratch, knob, value, why, sizeof(why));

	if (!err)
		return true;
	return parser_fail(parser, err == -ENOENT ? knob_col : value_col, "%s", why);
}

bool parse_set(struct parser *parser, struct scn_node *node)
{
	u32 i;

	node->kind = SCN_SET;
	if (!parse_settings(parser, node, "knob=value"))
		return false;
	if (!node->count)
		return parser_fail(parser, parser_end_col(parser), "'set' needs a knob=value");
	for (i = 0; i < node->count; i++)
		if (!check_knob(parser, node->setting[i].name, node->setting[i].value,
				node->setting[i].name_col, node->setting[i].value_col))
			return false;
	return true;
}

bool parse_param(struct parser *parser, struct scn_node *node)
{
	node->kind = SCN_PARAM;
	return parse_settings(parser, node, "name=default");
}

bool parse_vary(struct parser *parser, struct scn_node *node)
{
	struct scn_setting values[SCN_WORDS_MAX];
	char why[DIAG_TEXT_MAX];
	struct token *token = parser_peek(parser);
	int err;

	node->kind = SCN_VARY;
	if (!token || token->kind != TOKEN_WORD || token->value)
		return parser_fail(parser, token ? token->col : parser_end_col(parser),
				   "'vary' needs a name: vary NAME in A B C");
	node->name = parser_keep(parser, token->text);
	node->name_col = token->col;
	parser->at++;
	token = parser_peek(parser);
	if (!token || strcmp(token->text, "in"))
		return parser_fail(parser, token ? token->col : parser_end_col(parser),
				   "'in' is missing: vary %s in A B C", node->name);
	for (parser->at++; (token = parser_peek(parser)); parser->at++) {
		if (node->count == SCN_WORDS_MAX)
			return parser_fail(parser, token->col, "more than %u values",
					   SCN_WORDS_MAX);
		if (token->value)
			token->text[token->value - 1] = '=';
		err = sim_config_set(parser->scratch, node->name, token->text, why, sizeof(why));
		if (err && err != -ENOENT)
			return parser_fail(parser, token->col, "%s", why);
		values[node->count++] = (struct scn_setting){
			.value = parser_keep(parser, token->text), .value_col = token->col };
	}
	if (!node->count)
		return parser_fail(parser, parser_end_col(parser), "'vary %s in' needs values",
				   node->name);
	node->setting = scn_alloc(parser->scn, node->count * sizeof(values[0]));
	memcpy(node->setting, values, node->count * sizeof(values[0]));
	return parser_finish(parser, &node->comment);
}
