// SPDX-License-Identifier: GPL-2.0-only
/*
 * One step: actor, verb, operands, result, limits, properties. What an operand
 * may be stands in verbs.def; this file knows only the shape of a line.
 */
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/parser.h"

/* ---- Actor and verb ---- */

/* Digits at the end of @word, -1 when there are none; *length without them. */
static int trailing_number(const char *word, size_t *length)
{
	size_t n = strlen(word), end = n;

	while (n && word[n - 1] >= '0' && word[n - 1] <= '9')
		n--;
	*length = n;
	return n == end || end - n > 3 ? -1 : atoi(word + n);
}

bool parse_actor(const char *word, struct scn_actor *actor)
{
	struct scn_value value = { 0 };
	char why[DIAG_TEXT_MAX];
	size_t length;
	int number;
	u32 i;

	if (scn_parse_value(TYPE_VCPU, word, NULL, &value, why, sizeof(why))) {
		*actor = (struct scn_actor){ ACTOR_VCPU, value.id >> 8, value.id & 0xff };
		return true;
	}
	number = trailing_number(word, &length);
	for (i = 0; i < ACTOR_NR; i++) {
		if (i == ACTOR_VCPU || strlen(actor_names[i]) != length ||
		    strncmp(actor_names[i], word, length))
			continue;
		if (number >= 0 && (number < 1 || number > 7 || i > ACTOR_MM))
			return false;
		*actor = (struct scn_actor){ i, 0, number < 0 ? 0 : number };
		return true;
	}
	return false;
}

static void guess_actor(struct diag_guess *guess)
{
	u32 i;

	for (i = 0; i < ACTOR_NR; i++)
		diag_guess_add(guess, i == ACTOR_VCPU ? "vcpu0" : actor_names[i]);
}

/* An actor with a nameless verb (module, inject) has it unless a name follows. */
static bool parse_verb(struct parser *parser, struct scn_step *step)
{
	struct token *token = parser_peek(parser);
	const char *actor = actor_names[step->actor.kind];
	struct diag_guess guess;
	char hint[80];
	u32 i;

	if (token && token->kind == TOKEN_WORD && !token->value) {
		step->verb = verb_find(step->actor.kind, token->text);
		if (step->verb) {
			parser->at++;
			return true;
		}
	}
	step->verb = verb_find(step->actor.kind, "");
	if (step->verb)
		return true;
	if (!token || token->kind != TOKEN_WORD)
		return parser_fail(parser, token ? token->col : parser_end_col(parser),
				   "'%s' needs a verb", actor);
	diag_guess_start(&guess, token->text);
	for (i = 1; i < VERB_NR; i++)
		if (verbs[i].actor == step->actor.kind)
			diag_guess_add(&guess, verbs[i].name);
	return parser_fail(parser, token->col, "unknown verb '%.40s' of '%s'%s", token->text,
			   actor, diag_guess_text(&guess, hint, sizeof(hint)));
}

/* ---- Operands ---- */

static bool parse_operand_value(struct parser *parser, struct scn_step *step, int index,
				const char *text, u32 col)
{
	struct scn_value *value = &step->value[index];
	char why[DIAG_TEXT_MAX];

	if (step_has(step, index))
		return parser_fail(parser, col, "'%s' is given twice",
				   step->verb->operand[index].name);
	step->given |= 1u << index;
	value->col = col;
	if (text[0] == '$' && text[1]) {
		value->variable = true;
		value->word = parser_keep(parser, text + 1);
		step->has_variable = true;
		return true;
	}
	if (!scn_parse_value(step->verb->operand[index].type, text, parser->scn, value, why,
			     sizeof(why)))
		return parser_fail(parser, col, "%s", why);
	return true;
}

/* A bare word: a flag, a yes/no operand meant as yes, or the next positional. */
static bool parse_bare(struct parser *parser, struct scn_step *step, struct token *token)
{
	const struct verb *verb = step->verb;
	int index = verb_operand_index(verb, token->text), i;
	struct diag_guess guess;
	char hint[80];

	if (index >= 0 && (verb->operand[index].type == TYPE_FLAG ||
			   verb->operand[index].type == TYPE_YESNO)) {
		if (step_has(step, index))
			return parser_fail(parser, token->col, "'%s' is given twice",
					   token->text);
		step->given |= 1u << index;
		step->value[index] = (struct scn_value){ .number = 1, .col = token->col };
		return true;
	}
	for (i = 0; i < verb->operand_count; i++)
		if (verb->operand[i].flags & OPERAND_POSITIONAL && !step_has(step, i))
			return parse_operand_value(parser, step, i, token->text, token->col);
	diag_guess_start(&guess, token->text);
	for (i = 0; i < verb->operand_count; i++)
		diag_guess_add(&guess, verb->operand[i].name);
	return parser_fail(parser, token->col, "unexpected word '%.40s' after '%s'%s",
			   token->text, verb->name,
			   diag_guess_text(&guess, hint, sizeof(hint)));
}

static bool parse_named(struct parser *parser, struct scn_step *step, struct token *token)
{
	const struct verb *verb = step->verb;
	int index = verb_operand_index(verb, token->text), i;
	struct diag_guess guess;
	char hint[80];

	if (index >= 0 && verb->operand[index].type != TYPE_FLAG)
		return parse_operand_value(parser, step, index, token->text + token->value,
					   token->col + token->value);
	diag_guess_start(&guess, token->text);
	for (i = 0; i < verb->operand_count; i++)
		diag_guess_add(&guess, verb->operand[i].name);
	return parser_fail(parser, token->col, "'%s %s' has no operand '%.40s'%s",
			   actor_names[verb->actor], verb->name, token->text,
			   diag_guess_text(&guess, hint, sizeof(hint)));
}

static bool check_required(struct parser *parser, struct scn_step *step)
{
	const struct verb *verb = step->verb;
	char usage[240];
	u32 i;

	for (i = 0; i < verb->operand_count; i++) {
		if (!(verb->operand[i].flags & OPERAND_REQUIRED) || step_has(step, i))
			continue;
		verb_usage(verb, usage, sizeof(usage));
		return parser_fail(parser, parser_end_col(parser),
				   "'%s' is missing, the form is: %s", verb->operand[i].name,
				   usage);
	}
	return true;
}

/* ---- Result ---- */

static bool find_result(u8 kind, const char *text, struct scn_result *result)
{
	static const struct { u8 table, kind; } tables[] = {
		{ WORDS_EXIT, RESULT_EXIT }, { WORDS_GUEST, RESULT_GUEST },
	};
	const struct word *word;
	u32 i;

	word = word_find(WORDS_PLAIN_RESULT, text);
	if (word) {
		result->kind = word->number;
		return true;
	}
	if (kind != VERB_STATUS) {
		word = word_find(WORDS_ERRNO, text);
		if (word || !strcmp(text, "0")) {
			result->kind = RESULT_ERRNO;
			result->number = word ? -(s64)word->number : 0;
			return true;
		}
	}
	for (i = 0; kind == VERB_RUN && i < ARRAY_SIZE(tables); i++) {
		word = word_find(tables[i].table, text);
		if (word) {
			result->kind = tables[i].kind;
			result->number = word->number;
			return true;
		}
	}
	if (kind == VERB_ERRNO)
		return false;
	if (!strcmp(text, "0")) {
		result->kind = RESULT_STATUS;
		return true;
	}
	result->kind = RESULT_STATUS;
	return !tdx_status_parse(text, &result->number);
}

static void guess_result(u8 kind, struct diag_guess *guess)
{
	words_guess(WORDS_PLAIN_RESULT, guess);
	if (kind != VERB_STATUS)
		words_guess(WORDS_ERRNO, guess);
	if (kind == VERB_RUN) {
		words_guess(WORDS_EXIT, guess);
		words_guess(WORDS_GUEST, guess);
	}
	if (kind != VERB_ERRNO)
		words_guess(WORDS_STATUS, guess);
}

static const char *result_form(u8 kind)
{
	switch (kind) {
	case VERB_ERRNO: return "0 or an errno name";
	case VERB_RUN: return "0, an errno name, an exit, an exception or a TDX status";
	default: return "a TDX status";
	}
}

bool parse_result(struct parser *parser, u8 kind, struct scn_result *result)
{
	struct token *token = parser_peek(parser);
	struct diag_guess guess;
	char hint[80];

	if (!token || token->kind != TOKEN_WORD)
		return parser_fail(parser, token ? token->col : parser_end_col(parser),
				   "a result is missing behind '=', expected %s",
				   result_form(kind));
	result->col = token->col;
	if (!token->value && find_result(kind, token->text, result)) {
		parser->at++;
		return true;
	}
	diag_guess_start(&guess, token->text);
	guess_result(kind, &guess);
	return parser_fail(parser, token->col, "'%.60s' is no result of this line%s (%s)",
			   token->text, diag_guess_text(&guess, hint, sizeof(hint)),
			   result_form(kind));
}

static bool parse_results(struct parser *parser, struct scn_step *step)
{
	struct token *token = parser_peek(parser);

	if (!token || token->kind != TOKEN_EQUALS)
		return true;
	if (step->verb->result == VERB_NO_RESULT)
		return parser_fail(parser, token->col, "'%s %s' has no result",
				   actor_names[step->actor.kind], step->verb->name);
	do {
		parser->at++;
		if (step->result_count == SCN_RESULT_MAX)
			return parser_fail(parser, token->col, "more than %u results",
					   SCN_RESULT_MAX);
		if (!parse_result(parser, step->verb->result,
				  &step->result[step->result_count++]))
			return false;
		token = parser_peek(parser);
	} while (token && token->kind == TOKEN_PIPE);
	return true;
}

/* ---- Limits ---- */

static bool check_limit_word(struct parser *parser, struct scn_limit *limit,
			     struct token *token)
{
	char why[DIAG_TEXT_MAX];
	int err = sim_config_set(parser->scratch, limit->knob, token->text, why, sizeof(why));

	/* No knob: the name of something that varies, checked when it is known. */
	if (err && err != -ENOENT)
		return parser_fail(parser, token->col, "%s", why);
	return true;
}

static bool parse_limit(struct parser *parser, struct scn_limit *limit)
{
	struct token *token = parser_peek(parser), *open = token;

	parser->at++;
	token = parser_peek(parser);
	if (!token || token->kind != TOKEN_WORD || token->value)
		return parser_fail(parser, open->col,
				   "a limit is [KNOB VALUE...], such as [policy no-hold]");
	limit->col = token->col;
	limit->knob = parser_keep(parser, token->text);
	for (;;) {
		parser->at++;
		token = parser_peek(parser);
		if (!token || (token->kind != TOKEN_WORD && token->kind != TOKEN_LIMIT_END))
			return parser_fail(parser, token ? token->col : parser_end_col(parser),
					   "']' is missing");
		if (token->kind == TOKEN_LIMIT_END)
			break;
		if (!limit->count && !limit->negated && !strcmp(token->text, "not")) {
			limit->negated = true;
			continue;
		}
		if (limit->count == SCN_WORDS_MAX)
			return parser_fail(parser, token->col, "more than %u values",
					   SCN_WORDS_MAX);
		if (!check_limit_word(parser, limit, token))
			return false;
		limit->word[limit->count++] = parser_keep(parser, token->text);
	}
	parser->at++;
	if (!limit->count)
		return parser_fail(parser, limit->col, "'%s' needs a value", limit->knob);
	return true;
}

bool parse_limits(struct parser *parser, struct scn_limit *limits, u8 *count)
{
	struct token *token;

	while ((token = parser_peek(parser)) && token->kind == TOKEN_LIMIT) {
		if (*count == SCN_LIMIT_MAX)
			return parser_fail(parser, token->col, "more than %u limits",
					   SCN_LIMIT_MAX);
		if (!parse_limit(parser, &limits[(*count)++]))
			return false;
	}
	return true;
}

/* ---- Properties ---- */

bool parse_property_number(struct parser *parser, struct token *token, u32 min, u32 max,
			   u32 *number)
{
	struct scn_value value = { 0 };
	char why[DIAG_TEXT_MAX];

	if (!token->value)
		return parser_fail(parser, token->col, "'%s' needs a number", token->text);
	if (!scn_parse_value(TYPE_NUMBER, token->text + token->value, NULL, &value, why,
			     sizeof(why)))
		return parser_fail(parser, token->col + token->value, "%s", why);
	if (value.number < min || value.number > max)
		return parser_fail(parser, token->col + token->value,
				   "'%s' is between %u and %u", token->text, min, max);
	*number = value.number;
	return true;
}

static bool step_property(struct parser *parser, void *line, struct token *token)
{
	static const char *const names[] = {
		"signal", "cpu", "fail_alloc", "oom_after_fault",
	};
	struct scn_step *step = line;
	const char *near;
	u32 cpu;

	if (!strcmp(token->text, "signal") && !token->value) {
		step->signal = true;
		return true;
	}
	if (!strcmp(token->text, "oom_after_fault") && !token->value) {
		step->oom_after_fault = true;
		return true;
	}
	if (!strcmp(token->text, "cpu")) {
		if (!parse_property_number(parser, token, 0, HW_CPU_MAX - 1, &cpu))
			return false;
		step->cpu = cpu;
		return true;
	}
	if (!strcmp(token->text, "fail_alloc"))
		return parse_property_number(parser, token, 1, ~0u, &step->fail_alloc);
	near = diag_nearest(token->text, names, ARRAY_SIZE(names));
	return parser_fail(parser, token->col, "unknown property '%.40s', %s%s%s (signal, cpu=N, fail_alloc=N, oom_after_fault)",
			   token->text, near ? "did you mean '" : "it is no property of a step",
			   near ? near : "", near ? "'?" : "");
}

bool parse_properties(struct parser *parser, property_fn *fn, void *line)
{
	struct token *token = parser_peek(parser);

	if (!token || token->kind != TOKEN_PROPERTIES)
		return true;
	for (;;) {
		parser->at++;
		token = parser_peek(parser);
		if (token && token->kind == TOKEN_PROPERTIES_END)
			break;
		if (!token || token->kind != TOKEN_WORD)
			return parser_fail(parser,
					   token ? token->col : parser_end_col(parser),
					   "')' is missing");
		if (!fn(parser, line, token))
			return false;
	}
	parser->at++;
	return true;
}

/* ---- Lines ---- */

/*
 * A scenario that states an errno wants to see the kernel refuse; everybody
 * else meant a page address and mistyped it.
 */
static bool check_alignment(struct parser *parser, const struct scn_step *step)
{
	u32 i;

	for (i = 0; i < step->result_count; i++)
		if (step->result[i].kind != RESULT_ERRNO || step->result[i].number)
			return true;
	for (i = 0; i < step->verb->operand_count; i++) {
		const struct scn_value *value = &step->value[i];
		u8 type = step->verb->operand[i].type;

		if (!step_has(step, i) || value->variable ||
		    (type != TYPE_GPA && type != TYPE_OFFSET && type != TYPE_SIZE &&
		     type != TYPE_GMEM_AT))
			continue;
		if (!IS_ALIGNED(value->number, PAGE_SIZE))
			return parser_fail(parser, value->col,
					   "0x%llx is not a multiple of 4K (state '= EINVAL' to see it refused)",
					   (unsigned long long)value->number);
	}
	return true;
}

static bool parse_operands(struct parser *parser, struct scn_step *step)
{
	struct token *token;

	while ((token = parser_peek(parser)) && token->kind == TOKEN_WORD) {
		if (step->actor.kind == ACTOR_EXPECT && !strcmp(token->text, "and") &&
		    !token->value)
			break;
		parser->at++;
		if (!(token->value ? parse_named(parser, step, token) :
				     parse_bare(parser, step, token)))
			return false;
	}
	return check_required(parser, step);
}

bool parse_step(struct parser *parser, struct scn_node *node)
{
	struct token *token = parser_peek(parser);
	struct scn_step *step = scn_alloc(parser->scn, sizeof(*step));
	struct scn_limit limits[SCN_LIMIT_MAX] = { 0 };
	struct diag_guess guess;
	char hint[80];

	node->step = step;
	node->kind = SCN_STEP;
	step->cpu = -1;
	if (!parse_actor(token->text, &step->actor) || token->value) {
		diag_guess_start(&guess, token->text);
		guess_actor(&guess);
		guess_line_word(&guess);
		return parser_fail(parser, token->col, "unknown actor or word '%.40s'%s",
				   token->text, diag_guess_text(&guess, hint, sizeof(hint)));
	}
	parser->at++;
	token = parser_peek(parser);
	if (step->actor.kind == ACTOR_EXPECT && token && !strcmp(token->text, "not")) {
		step->negated = true;
		parser->at++;
	}
	if (!parse_verb(parser, step) || !parse_operands(parser, step) ||
	    !parse_results(parser, step) ||
	    !parse_limits(parser, limits, &step->limit_count) ||
	    !parse_properties(parser, step_property, step) ||
	    !parse_limits(parser, limits, &step->limit_count))
		return false;
	if (step->limit_count) {
		step->limit = scn_alloc(parser->scn, sizeof(limits[0]) * step->limit_count);
		memcpy(step->limit, limits, sizeof(limits[0]) * step->limit_count);
	}
	return check_alignment(parser, step) && parser_finish(parser, &node->comment);
}

bool parse_clause(struct parser *parser, struct scn_node *node)
{
	struct token *token = parser_peek(parser);
	struct scn_step *step = scn_alloc(parser->scn, sizeof(*step));

	*node = (struct scn_node){ .kind = SCN_STEP, .line = parser->line,
				   .file = parser->file, .step = step };
	step->cpu = -1;
	step->actor.kind = ACTOR_EXPECT;
	node->col = token ? token->col : parser_end_col(parser);
	if (token && !strcmp(token->text, "not")) {
		step->negated = true;
		parser->at++;
	}
	return parse_verb(parser, step) && parse_operands(parser, step) &&
	       check_alignment(parser, step);
}
