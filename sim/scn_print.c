// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scenario tree to canonical text: one blank between words, addresses in hex,
 * sizes with units, results, limits and comments in columns. What is printed
 * here is what the parser reads, so a witness, a crash and a shrunk failure are
 * files like any other.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scn.h"
#include "sim/verbs.h"
#include "sim/words.h"

#define RESULT_COLUMN	56	/* where '=' begins, further right for long lines */
#define LIMIT_COLUMN	70
#define INDENT		"  "

/* Text that grows. */
struct output {
	char *text;
	size_t used, size;
	size_t line_start;
	bool columns;		/* of a file; a single line is printed close */
};

static void output_bytes(struct output *out, const char *bytes, size_t length)
{
	if (out->used + length + 1 > out->size) {
		out->size = 2 * (out->used + length + 1) + 1024;
		out->text = realloc(out->text, out->size);
		if (!out->text)
			abort();
	}
	memcpy(out->text + out->used, bytes, length);
	out->used += length;
	out->text[out->used] = '\0';
}

static void output(struct output *out, const char *fmt, ...) __printf(2, 3);

static void output(struct output *out, const char *fmt, ...)
{
	char text[2 * SCN_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	output_bytes(out, text, strlen(text));
}

static void output_column(struct output *out, u32 column)
{
	u32 at = out->used - out->line_start;

	if (!out->columns)
		column = 0;
	output(out, "%*s", at + 1 < column ? (int)(column - at) : 1, "");
}

static void end_line(struct output *out, const char *comment)
{
	if (comment) {
		output_bytes(out, INDENT, strlen(INDENT));
		output_bytes(out, comment, strlen(comment));
	}
	output(out, "\n");
	out->line_start = out->used;
}

int scn_print_result(const struct scn_result *result, char *text, size_t size)
{
	const char *word = NULL;

	switch (result->kind) {
	case RESULT_ERRNO:
		word = result->number ? word_text(WORDS_ERRNO, -(s64)result->number) : "0";
		break;
	case RESULT_EXIT:
		word = word_text(WORDS_EXIT, result->number);
		break;
	case RESULT_GUEST:
		word = word_text(WORDS_GUEST, result->number);
		break;
	case RESULT_STATUS:
		return scn_print_status(result->number, text, size);
	default:
		word = word_text(WORDS_PLAIN_RESULT, result->kind);
		break;
	}
	if (word)
		return snprintf(text, size, "%s", word);
	return snprintf(text, size, "%lld", (long long)result->number);
}

static void output_actor(struct output *out, const struct scn_actor *actor)
{
	struct scn_value vcpu = { .id = actor->td << 8 | actor->vcpu };
	char text[32];

	if (actor->kind == ACTOR_VCPU) {
		scn_print_value(TYPE_VCPU, &vcpu, text, sizeof(text));
		output(out, "%s", text);
	} else if (actor->vcpu) {
		output(out, "%s%u", actor_names[actor->kind], actor->vcpu);
	} else {
		output(out, "%s", actor_names[actor->kind]);
	}
}

/* Positional operands first, then named ones, flags last: the reader's order. */
static void output_operands(struct output *out, const struct scn_step *step)
{
	const struct verb *verb = step->verb;
	char text[SCN_LINE_MAX];
	u32 i;

	for (i = 0; i < verb->operand_count; i++) {
		if (!step_has(step, i) || !(verb->operand[i].flags & OPERAND_POSITIONAL))
			continue;
		scn_print_value(verb->operand[i].type, &step->value[i], text, sizeof(text));
		output(out, " %s", text);
	}
	for (i = 0; i < verb->operand_count; i++) {
		if (!step_has(step, i) || verb->operand[i].flags & OPERAND_POSITIONAL ||
		    verb->operand[i].type == TYPE_FLAG)
			continue;
		scn_print_value(verb->operand[i].type, &step->value[i], text, sizeof(text));
		output(out, " %s=%s", verb->operand[i].name, text);
	}
	for (i = 0; i < verb->operand_count; i++)
		if (step_has(step, i) && verb->operand[i].type == TYPE_FLAG)
			output(out, " %s", verb->operand[i].name);
}

static void output_limits(struct output *out, const struct scn_limit *limit, u32 count)
{
	u32 i, w;

	for (i = 0; i < count; i++) {
		if (i)
			output(out, " ");
		else
			output_column(out, LIMIT_COLUMN);
		output(out, "[%s%s", limit[i].knob, limit[i].negated ? " not" : "");
		for (w = 0; w < limit[i].count; w++)
			output(out, " %s", limit[i].word[w]);
		output(out, "]");
	}
}

static void output_properties(struct output *out, const struct scn_step *step)
{
	const char *blank = "";

	if (!step->signal && step->cpu < 0 && !step->fail_alloc && !step->oom_after_fault)
		return;
	output(out, " (");
	if (step->signal) {
		output(out, "signal");
		blank = " ";
	}
	if (step->cpu >= 0) {
		output(out, "%scpu=%d", blank, step->cpu);
		blank = " ";
	}
	if (step->fail_alloc) {
		output(out, "%sfail_alloc=%u", blank, step->fail_alloc);
		blank = " ";
	}
	if (step->oom_after_fault)
		output(out, "%soom_after_fault", blank);
	output(out, ")");
}

static void output_step(struct output *out, const struct scn_step *step)
{
	char text[120];
	u32 i;

	output_actor(out, &step->actor);
	if (step->negated)
		output(out, " not");
	if (step->verb->name[0])
		output(out, " %s", step->verb->name);
	output_operands(out, step);
	for (i = 0; i < step->result_count; i++) {
		if (!i)
			output_column(out, RESULT_COLUMN);
		scn_print_result(&step->result[i], text, sizeof(text));
		output(out, i ? " | %s" : "= %s", text);
	}
	output_limits(out, step->limit, step->limit_count);
	output_properties(out, step);
}

static void output_crossing(struct output *out, const struct scn_crossing *crossing)
{
	struct scn_value value = { 0 };
	char text[120];
	u32 r;

	output(out, "> ");
	if (crossing->anything) {
		output(out, "...");
	} else {
		scn_print_leaf(false, crossing->leaf, text, sizeof(text));
		output(out, "%s", text);
	}
	for (r = 0; r < SCN_REG_NR; r++) {
		if (!(crossing->given & (1u << r)))
			continue;
		value.number = crossing->reg[r];
		scn_print_value(r == SCN_REG_LEVEL ? TYPE_LEVEL : TYPE_HEX, &value, text,
				sizeof(text));
		output(out, " %s=%s", scn_reg_names[r], text);
	}
	if (crossing->result.kind) {
		output_column(out, RESULT_COLUMN);
		scn_print_result(&crossing->result, text, sizeof(text));
		output(out, "= %s", text);
	}
	output_limits(out, crossing->limit, crossing->limit_count);
	if (crossing->times != 1 || crossing->injected) {
		output(out, " (%s", crossing->injected ? "injected" : "");
		if (crossing->times != 1)
			output(out, "%stimes=%u", crossing->injected ? " " : "",
			       crossing->times);
		output(out, ")");
	}
}

static int output_done(struct output *out, char *text, size_t size)
{
	int length = out->used;

	snprintf(text, size, "%s", out->text ? out->text : "");
	free(out->text);
	return length;
}

int scn_print_step(const struct scn_step *step, char *text, size_t size)
{
	struct output out = { 0 };

	output_step(&out, step);
	return output_done(&out, text, size);
}

int scn_print_crossing(const struct scn_crossing *crossing, char *text, size_t size)
{
	struct output out = { 0 };

	output_crossing(&out, crossing);
	return output_done(&out, text, size);
}

static void output_nodes(struct output *out, const struct scn_node *node, u32 count, u32 depth);

static void output_step_node(struct output *out, const struct scn_node *node, u32 depth)
{
	u32 i;

	output_step(out, node->step);
	end_line(out, node->comment);
	for (i = 0; i < node->step->crossing_count; i++) {
		output(out, "%*s", 2 * (int)depth + 2, "");
		output_crossing(out, &node->step->crossing[i]);
		end_line(out, node->step->crossing[i].comment);
	}
}

static void output_settings(struct output *out, const char *word, const struct scn_node *node)
{
	u32 i;

	output(out, "%s", word);
	if (node->kind == SCN_USE)
		output(out, " %s", node->name);
	for (i = 0; i < node->count; i++)
		output(out, " %s=%s", node->setting[i].name, node->setting[i].value);
	end_line(out, node->comment);
}

static void output_condition(struct output *out, const struct scn_node *node)
{
	u32 i;

	output(out, "condition");
	for (i = 0; i < node->body_count; i++) {
		const struct scn_step *step = node->body[i].step;

		output(out, "%s%s %s", i ? " and" : "", step->negated ? " not" : "",
		       step->verb->name);
		output_operands(out, step);
	}
	end_line(out, node->comment);
}

static void output_block(struct output *out, const struct scn_node *node, u32 depth)
{
	if (node->kind == SCN_REPEAT)
		output(out, "repeat %u", node->count);
	else
		output(out, "race");
	end_line(out, node->comment);
	output_nodes(out, node->body, node->body_count, depth + 1);
	output(out, "%*send", 2 * (int)depth, "");
	end_line(out, NULL);
}

static void output_node(struct output *out, const struct scn_node *node, u32 depth)
{
	u32 i;

	if (node->kind == SCN_BLANK) {
		end_line(out, NULL);
		return;
	}
	output(out, "%*s", 2 * (int)depth, "");
	switch (node->kind) {
	case SCN_COMMENT:
		output_bytes(out, node->comment, strlen(node->comment));
		end_line(out, NULL);
		break;
	case SCN_STEP:
		output_step_node(out, node, depth);
		break;
	case SCN_SET:
		output_settings(out, "set", node);
		break;
	case SCN_PARAM:
		output_settings(out, "param", node);
		break;
	case SCN_USE:
		output_settings(out, "use", node);
		break;
	case SCN_VARY:
		output(out, "vary %s in", node->name);
		for (i = 0; i < node->count; i++)
			output(out, " %s", node->setting[i].value);
		end_line(out, node->comment);
		break;
	case SCN_CONDITION:
		output_condition(out, node);
		break;
	default:
		output_block(out, node, depth);
		break;
	}
}

static void output_nodes(struct output *out, const struct scn_node *node, u32 count, u32 depth)
{
	u32 i;

	for (i = 0; i < count; i++)
		output_node(out, &node[i], depth);
}

char *scn_print(const struct scn *scn)
{
	struct output out = { .columns = true };

	output_bytes(&out, "", 0);
	output_nodes(&out, scn->node, scn->node_count, 0);
	return out.text;
}
