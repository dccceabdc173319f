// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text to scenario tree: files, blocks, settings and header comments. Steps are
 * scn_parse_step.c. Hand-written and line by line: a line is whole or wrong, and
 * the first wrong one ends it with a place and a sentence.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/parser.h"

#define BLOCK_DEPTH	4
#define PATH_BYTES_MAX	2048

struct node_list {
	struct scn_node *node;
	u32 count, max;
};

/* repeat and race blocks that wait for their end; [0] is the file itself. */
struct block_stack {
	struct node_list list[BLOCK_DEPTH + 1];
	u32 depth;
};

static bool parse_lines(struct parser *parser, struct node_list *list);

/* ---- What a line is made of ---- */

struct token *parser_peek(struct parser *parser)
{
	struct token *token = &parser->tokens.token[parser->at];

	if (parser->at >= parser->tokens.count || token->kind == TOKEN_COMMENT)
		return NULL;
	return token;
}

bool parser_fail(struct parser *parser, u32 col, const char *fmt, ...)
{
	struct diag_place at = { parser->scn->file[parser->file].name, parser->line, col };
	char text[DIAG_TEXT_MAX], source[SCN_LINE_MAX + 1];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(source, sizeof(source), "%.*s", (int)parser->line_length,
		 parser->line_text ? parser->line_text : "");
	diag_set(parser->diag, at, source, "%s", text);
	return false;
}

u32 parser_end_col(const struct parser *parser)
{
	size_t length = parser->line_length;
	u32 i;

	for (i = 0; i < parser->tokens.count; i++)
		if (parser->tokens.token[i].kind == TOKEN_COMMENT)
			length = parser->tokens.token[i].col - 1;
	while (length && (parser->line_text[length - 1] == ' ' ||
			  parser->line_text[length - 1] == '\t'))
		length--;
	return length + 1;
}

const char *parser_keep(struct parser *parser, const char *text)
{
	return scn_intern(parser->scn, text, strlen(text));
}

bool parser_finish(struct parser *parser, const char **comment)
{
	struct token *token = parser_peek(parser);

	if (token)
		return parser_fail(parser, token->col, "unexpected '%.40s'", token->text);
	if (parser->at < parser->tokens.count)
		*comment = parser_keep(parser, parser->tokens.token[parser->at].text);
	return true;
}

/* ---- Lists of nodes ---- */

static struct scn_node *list_add(struct node_list *list)
{
	if (list->count == list->max) {
		list->max = list->max ? 2 * list->max : 32;
		list->node = realloc(list->node, list->max * sizeof(*list->node));
		if (!list->node)
			abort();
	}
	list->node[list->count] = (struct scn_node){ 0 };
	return &list->node[list->count++];
}

/* Moves the nodes into the tree's own memory. */
static void list_close(struct scn *scn, struct node_list *list, struct scn_node **node,
		       u32 *count)
{
	*count = list->count;
	*node = NULL;
	if (list->count) {
		*node = scn_alloc(scn, list->count * sizeof(**node));
		memcpy(*node, list->node, list->count * sizeof(**node));
	}
	free(list->node);
	*list = (struct node_list){ 0 };
}

/* ---- Files ---- */

/* Reads all of @file into @scn's memory; NULL when it is larger than a scenario. */
static const char *read_text(struct scn *scn, FILE *file, size_t *size)
{
	size_t max = 16384, got;
	char *text = malloc(max + 1);
	const char *kept;

	*size = 0;
	while (text) {
		if (*size == max && max <= SCN_FILE_MAX) {
			max *= 4;
			text = realloc(text, max + 1);
			continue;
		}
		got = fread(text + *size, 1, max - *size, file);
		if (!got)
			break;
		*size += got;
	}
	if (!text)
		abort();
	kept = *size > SCN_FILE_MAX ? NULL : scn_intern(scn, text, *size);
	free(text);
	return kept;
}

/*
 * Beside the file that uses it, then in each directory above that one: those its
 * path names, then those above the working directory.
 */
static FILE *open_used(const char *user, const char *name, char *path, size_t size)
{
	char directory[PATH_BYTES_MAX];
	FILE *file = NULL;
	char *slash;
	u32 up;

	snprintf(directory, sizeof(directory), "%s", user);
	for (up = 0; up < 24 && !file && (slash = strrchr(directory, '/')); up++) {
		*slash = '\0';
		snprintf(path, size, "%.2000s/%.1000s", directory, name);
		file = fopen(path, "r");
	}
	for (up = 0, directory[0] = '\0'; up < 8 && !file && user[0] != '/'; up++) {
		snprintf(path, size, "%s%.1000s", directory, name);
		file = fopen(path, "r");
		strcat(directory, "../");
	}
	return file;
}

static bool parse_used_text(struct parser *parser, struct scn_node *node, FILE *file,
			    const char *path)
{
	struct scn *scn = parser->scn;
	struct parser *used = calloc(1, sizeof(*used));
	struct node_list list = { 0 };
	const char *text;
	size_t size;
	bool ok;

	if (!used)
		abort();
	*used = (struct parser){ .scn = scn, .diag = parser->diag, .scratch = parser->scratch,
				 .file = scn->file_count, .depth = parser->depth + 1 };
	text = read_text(scn, file, &size);
	scn->file[scn->file_count].name = parser_keep(parser, path);
	scn->file[scn->file_count++].text = text ? text : "";
	ok = text && strlen(text) == size;
	if (!ok)
		parser_fail(parser, node->name_col, "'%s' is no scenario", path);
	else
		ok = parse_lines(used, &list);
	list_close(scn, &list, &node->body, &node->body_count);
	free(used);
	return ok;
}

static bool parse_use(struct parser *parser, struct scn_node *node)
{
	struct token *token = parser_peek(parser);
	char path[PATH_BYTES_MAX + 1100];
	FILE *file;
	bool ok;

	node->kind = SCN_USE;
	if (!token || token->kind != TOKEN_WORD || token->value)
		return parser_fail(parser, token ? token->col : parser_end_col(parser),
				   "'use' needs a file");
	node->name = parser_keep(parser, token->text);
	node->name_col = token->col;
	parser->at++;
	if (!parse_settings(parser, node, "name=value"))
		return false;
	if (parser->depth == SCN_USE_DEPTH || parser->scn->file_count == SCN_SOURCE_MAX)
		return parser_fail(parser, node->name_col,
				   "too many files use each other here, is it a circle?");
	if (node->name[0] == '/')
		file = fopen(strcpy(path, node->name), "r");
	else
		file = open_used(parser->scn->file[parser->file].name, node->name, path,
				 sizeof(path));
	if (!file)
		return parser_fail(parser, node->name_col,
				   "'%s' is neither beside this file nor above it", node->name);
	ok = parse_used_text(parser, node, file, path);
	fclose(file);
	return ok;
}

/* ---- Blocks ---- */

static bool parse_repeat(struct parser *parser, struct scn_node *node)
{
	struct token *token = parser_peek(parser);
	struct scn_value value = { 0 };
	char why[DIAG_TEXT_MAX];

	node->kind = SCN_REPEAT;
	if (!token || token->value)
		return parser_fail(parser, token ? token->col : parser_end_col(parser),
				   "'repeat' needs a number");
	if (!scn_parse_value(TYPE_NUMBER, token->text, NULL, &value, why, sizeof(why)))
		return parser_fail(parser, token->col, "%s", why);
	if (!value.number || value.number > SCN_REPEAT_MAX)
		return parser_fail(parser, token->col, "repeat is between 1 and %u",
				   SCN_REPEAT_MAX);
	node->count = value.number;
	parser->at++;
	return parser_finish(parser, &node->comment);
}

static bool parse_race(struct parser *parser, struct scn_node *node)
{
	node->kind = SCN_RACE;
	return parser_finish(parser, &node->comment);
}

static bool same_actor(const struct scn_actor *a, const struct scn_actor *b)
{
	return a->kind == b->kind && a->td == b->td && a->vcpu == b->vcpu;
}

/* One task an actor: at least two, no more than there are tasks. */
static bool check_race(struct parser *parser, const struct scn_node *race)
{
	const struct scn_actor *seen[TASK_MAX];
	u32 count = 0, i, k;

	for (i = 0; i < race->body_count; i++) {
		const struct scn_node *node = &race->body[i];

		if (node->kind != SCN_STEP)
			continue;
		for (k = 0; k < count; k++)
			if (same_actor(seen[k], &node->step->actor))
				break;
		if (k < count)
			continue;
		if (count == TASK_MAX - 1)
			return parser_fail(parser, 1, "a race has at most %u actors",
					   TASK_MAX - 1);
		seen[count++] = &node->step->actor;
	}
	if (count < 2)
		return parser_fail(parser, 1, "the race of line %u needs at least two actors",
				   race->line);
	return true;
}

static bool parse_end(struct parser *parser, struct block_stack *stack)
{
	struct node_list *list = &stack->list[stack->depth];
	struct scn_node *block;
	const char *comment = NULL;

	if (!stack->depth)
		return parser_fail(parser, parser->tokens.token[0].col,
				   "'end' without 'repeat' or 'race'");
	stack->depth--;
	block = &stack->list[stack->depth].node[stack->list[stack->depth].count - 1];
	list_close(parser->scn, list, &block->body, &block->body_count);
	if (!parser_finish(parser, &comment))
		return false;
	return block->kind != SCN_RACE || check_race(parser, block);
}

static bool parse_condition(struct parser *parser, struct scn_node *node)
{
	struct node_list list = { 0 };
	struct token *token;
	bool ok;

	node->kind = SCN_CONDITION;
	do {
		ok = parse_clause(parser, list_add(&list));
		token = parser_peek(parser);
		if (ok && token && !strcmp(token->text, "and")) {
			parser->at++;
			continue;
		}
		break;
	} while (true);
	list_close(parser->scn, &list, &node->body, &node->body_count);
	return ok && parser_finish(parser, &node->comment);
}

/* ---- Lines ---- */

static const struct {
	const char *word;
	bool (*parse)(struct parser *parser, struct scn_node *node);
	bool block;		/* opens one */
	bool top;		/* only outside blocks */
	bool main;		/* not in a used file */
} line_words[] = {
	{ "set", parse_set, .top = true },
	{ "param", parse_param, .top = true },
	{ "vary", parse_vary, .top = true, .main = true },
	{ "use", parse_use, .top = true },
	{ "repeat", parse_repeat, .block = true },
	{ "race", parse_race, .block = true },
	{ "condition", parse_condition, .top = true, .main = true },
};

static bool parse_word_line(struct parser *parser, struct block_stack *stack,
			    struct scn_node *node, u32 i)
{
	struct token *token = &parser->tokens.token[0];

	if (line_words[i].top && stack->depth)
		return parser_fail(parser, token->col, "'%s' cannot stand in a block",
				   token->text);
	if (line_words[i].main && parser->file)
		return parser_fail(parser, token->col, "'%s' cannot stand in a used file",
				   token->text);
	parser->at = 1;
	if (!line_words[i].parse(parser, node))
		return false;
	if (!line_words[i].block)
		return true;
	if (stack->depth == BLOCK_DEPTH)
		return parser_fail(parser, token->col, "blocks are at most %u deep", BLOCK_DEPTH);
	stack->list[++stack->depth] = (struct node_list){ 0 };
	return true;
}

/* For did-you-mean of a line's first word. */
void guess_line_word(struct diag_guess *guess)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(line_words); i++)
		diag_guess_add(guess, line_words[i].word);
	diag_guess_add(guess, "end");
}

static bool parse_step_line(struct parser *parser, struct scn_node *node, bool in_race)
{
	if (!parse_step(parser, node))
		return false;
	if (in_race && node->step->actor.kind > ACTOR_MM)
		return parser_fail(parser, node->col, "'%s' cannot stand in a race",
				   actor_names[node->step->actor.kind]);
	parser->scn->step_count++;
	return true;
}

static bool parse_crossing_line(struct parser *parser, struct node_list *list)
{
	u32 i = list->count;

	while (i && list->node[i - 1].kind == SCN_COMMENT)
		i--;
	if (!i || list->node[i - 1].kind != SCN_STEP)
		return parser_fail(parser, parser->tokens.token[0].col,
				   "'>' stands under the step it belongs to");
	return parse_crossing(parser, list->node[i - 1].step);
}

static bool parse_line(struct parser *parser, struct block_stack *stack)
{
	struct node_list *list = &stack->list[stack->depth];
	struct token *token = parser->tokens.token;
	struct scn_node *block = NULL, *node;
	u32 i;

	parser->at = 0;
	if (parser->tokens.count && token->kind == TOKEN_GREATER)
		return parse_crossing_line(parser, list);
	if (parser->tokens.count && token->kind == TOKEN_WORD && !strcmp(token->text, "end")) {
		parser->at = 1;
		return parse_end(parser, stack);
	}
	if (stack->depth)
		block = &stack->list[stack->depth - 1].node[stack->list[stack->depth - 1].count - 1];
	node = list_add(list);
	*node = (struct scn_node){ .kind = SCN_BLANK, .line = parser->line, .file = parser->file,
				   .col = parser->tokens.count ? token->col : 1 };
	if (!parser->tokens.count)
		return true;
	if (token->kind == TOKEN_COMMENT)
		return parse_comment(parser, node);
	if (token->kind != TOKEN_WORD)
		return parser_fail(parser, token->col, "a line begins with an actor or a word");
	for (i = 0; i < ARRAY_SIZE(line_words); i++) {
		if (strcmp(line_words[i].word, token->text) || token->value)
			continue;
		if (block && block->kind == SCN_RACE)
			return parser_fail(parser, token->col, "'%s' cannot stand in a race",
					   token->text);
		return parse_word_line(parser, stack, node, i);
	}
	return parse_step_line(parser, node, block && block->kind == SCN_RACE);
}

static bool parse_next_line(struct parser *parser, const char **at, struct block_stack *stack)
{
	const char *end = strchrnul(*at, '\n');
	char why[DIAG_TEXT_MAX];
	u32 col = 0;

	parser->line++;
	parser->line_text = *at;
	parser->line_length = end - *at;
	if (parser->line_length && end[-1] == '\r')
		parser->line_length--;
	*at = *end ? end + 1 : end;
	if (parser->line_length > SCN_LINE_MAX) {
		parser->line_length = SCN_LINE_MAX;
		return parser_fail(parser, SCN_LINE_MAX, "a line longer than %u bytes",
				   SCN_LINE_MAX);
	}
	if (!lex_line(parser->line_text, parser->line_length, &parser->tokens, &col, why,
		      sizeof(why)))
		return parser_fail(parser, col, "%s", why);
	return parse_line(parser, stack);
}

static bool parse_lines(struct parser *parser, struct node_list *list)
{
	const char *at = parser->scn->file[parser->file].text;
	struct block_stack stack = { 0 };
	bool ok = true;
	u32 line;

	while (*at && ok)
		ok = parse_next_line(parser, &at, &stack);
	if (ok && stack.depth) {
		line = stack.list[stack.depth - 1].node[stack.list[stack.depth - 1].count - 1].line;
		ok = parser_fail(parser, 0, "the block of line %u has no 'end'", line);
	}
	for (; stack.depth; stack.depth--)
		free(stack.list[stack.depth].node);
	*list = stack.list[0];
	return ok;
}

/* ---- Whole scenarios ---- */

static struct scn *parse_whole(struct scn *scn, struct diag *diag)
{
	struct parser *parser = calloc(1, sizeof(*parser));
	struct sim_config scratch;
	struct node_list list = { 0 };
	bool ok;

	if (!parser)
		abort();
	sim_config_default(&scratch);
	*parser = (struct parser){ .scn = scn, .diag = diag, .scratch = &scratch };
	ok = parse_lines(parser, &list);
	list_close(scn, &list, &scn->node, &scn->node_count);
	ok = ok && check_whole(parser);
	free(parser);
	if (ok)
		return scn;
	scn_free(scn);
	return NULL;
}

/* The place outlives the tree: its name is what the caller handed in. */
static struct scn *parse_named_text(struct scn *scn, const char *name, const char *text,
				    size_t size, struct diag *diag)
{
	struct diag_place whole = { name, 0, 0 };
	size_t length = text ? strlen(text) : 0;

	diag_clear(diag);
	if (!text)
		diag_set(diag, whole, NULL, "larger than %u KiB, that is no scenario",
			 SCN_FILE_MAX / 1024);
	else if (!size)
		diag_set(diag, whole, NULL, "empty: a scenario that does nothing proves nothing");
	if (diag->set) {
		scn_free(scn);
		return NULL;
	}
	scn->file[0].text = text;
	if (length == size)
		return parse_whole(scn, diag);
	/* A NUL byte ends the text early: say where, after any earlier fault. */
	scn = parse_whole(scn, diag);
	if (scn || !strncmp(diag->text, "no ", 3)) {
		diag_clear(diag);
		diag_set(diag, whole, NULL, "byte 0x00 at offset %zu is no text", length);
	}
	scn_free(scn);
	return NULL;
}

struct scn *scn_parse_text(const char *name, const char *text, size_t size, struct diag *diag)
{
	struct scn *scn = scn_new(name);

	return parse_named_text(scn, name,
				size > SCN_FILE_MAX ? NULL : scn_intern(scn, text, size), size,
				diag);
}

struct scn *scn_parse_file(const char *path, struct diag *diag)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "r");
	const char *name = is_stdin ? "<stdin>" : path;
	struct scn *scn;
	const char *text;
	size_t size;

	if (!file) {
		diag_clear(diag);
		diag_set(diag, (struct diag_place){ path, 0, 0 }, NULL, "%s", strerror(errno));
		return NULL;
	}
	scn = scn_new(name);
	errno = 0;
	text = read_text(scn, file, &size);
	if (!size && errno) {
		diag_clear(diag);
		diag_set(diag, (struct diag_place){ path, 0, 0 }, NULL, "%s", strerror(errno));
		scn_free(scn);
		scn = NULL;
	} else {
		scn = parse_named_text(scn, name, text, size, diag);
	}
	if (!is_stdin)
		fclose(file);
	return scn;
}
