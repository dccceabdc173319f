// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a scenario tree and the questions about it that need no parsing:
 * places, source lines, equality. A tree is allocated piece by piece from blocks
 * and freed as a whole.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/scn.h"
#include "sim/verbs.h"

#define BLOCK_SIZE	8192

struct scn_block {
	struct scn_block *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

static struct scn_block *block_new(size_t size, struct scn_block *next)
{
	struct scn_block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		abort();
	block->size = size;
	block->next = next;
	return block;
}

void *scn_alloc(struct scn *scn, size_t size)
{
	struct scn_block *block = scn->memory;
	void *p;

	size = ALIGN_UP(size, 16);
	if (block->used + size > block->size) {
		block = block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE, block);
		scn->memory = block;
	}
	p = block->bytes + block->used;
	block->used += size;
	return p;
}

const char *scn_intern(struct scn *scn, const char *text, size_t length)
{
	char *copy = scn_alloc(scn, length + 1);

	memcpy(copy, text, length);
	return copy;
}

struct scn *scn_new(const char *name)
{
	struct scn *scn = calloc(1, sizeof(*scn));

	if (!scn)
		abort();
	scn->memory = block_new(BLOCK_SIZE, NULL);
	scn->file[0].name = scn_intern(scn, name, strlen(name));
	scn->file[0].text = "";
	scn->file_count = 1;
	return scn;
}

void scn_free(struct scn *scn)
{
	struct scn_block *block, *next;

	if (!scn)
		return;
	for (block = scn->memory; block; block = next) {
		next = block->next;
		free(block);
	}
	free(scn);
}

struct diag_place scn_place(const struct scn *scn, const struct scn_node *node, u32 col)
{
	return (struct diag_place){ scn->file[node->file].name, node->line,
				    col ? col : node->col };
}

void scn_source_line(const struct scn *scn, u32 file, u32 line, char *text, size_t size)
{
	const char *at = file < scn->file_count ? scn->file[file].text : "", *end;
	size_t length;

	for (; line > 1 && at; line--) {
		at = strchr(at, '\n');
		if (at)
			at++;
	}
	if (!at)
		at = "";
	end = strchrnul(at, '\n');
	length = end - at;
	if (length >= size)
		length = size - 1;
	memcpy(text, at, length);
	text[length] = '\0';
}

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool results_equal(const struct scn_result *a, const struct scn_result *b)
{
	return a->kind == b->kind && a->number == b->number;
}

static bool limits_equal(const struct scn_limit *a, const struct scn_limit *b, u32 count)
{
	u32 i, w;

	for (i = 0; i < count; i++) {
		if (!text_equal(a[i].knob, b[i].knob) || a[i].count != b[i].count ||
		    a[i].negated != b[i].negated)
			return false;
		for (w = 0; w < a[i].count; w++)
			if (!text_equal(a[i].word[w], b[i].word[w]))
				return false;
	}
	return true;
}

static bool crossings_equal(const struct scn_crossing *a, const struct scn_crossing *b)
{
	u32 r;

	if (a->anything != b->anything || a->leaf != b->leaf || a->given != b->given ||
	    a->times != b->times || a->injected != b->injected ||
	    a->limit_count != b->limit_count || !results_equal(&a->result, &b->result))
		return false;
	for (r = 0; r < SCN_REG_NR; r++)
		if (a->given & (1u << r) && a->reg[r] != b->reg[r])
			return false;
	return limits_equal(a->limit, b->limit, a->limit_count);
}

static bool values_equal(const struct scn_value *a, const struct scn_value *b)
{
	return a->variable == b->variable && text_equal(a->word, b->word) &&
	       (a->variable || (a->number == b->number && a->id == b->id));
}

static bool steps_equal(const struct scn_step *a, const struct scn_step *b)
{
	u32 i;

	if (a->actor.kind != b->actor.kind || a->actor.td != b->actor.td ||
	    a->actor.vcpu != b->actor.vcpu || a->negated != b->negated ||
	    a->verb != b->verb || a->given != b->given || a->signal != b->signal ||
	    a->cpu != b->cpu || a->fail_alloc != b->fail_alloc ||
	    a->oom_after_fault != b->oom_after_fault ||
	    a->result_count != b->result_count || a->limit_count != b->limit_count ||
	    a->crossing_count != b->crossing_count)
		return false;
	for (i = 0; i < a->verb->operand_count; i++)
		if (step_has(a, i) && !values_equal(&a->value[i], &b->value[i]))
			return false;
	for (i = 0; i < a->result_count; i++)
		if (!results_equal(&a->result[i], &b->result[i]))
			return false;
	for (i = 0; i < a->crossing_count; i++)
		if (!crossings_equal(&a->crossing[i], &b->crossing[i]))
			return false;
	return limits_equal(a->limit, b->limit, a->limit_count);
}

static bool nodes_equal(const struct scn_node *a, const struct scn_node *b)
{
	u32 i;

	if (a->kind != b->kind || !text_equal(a->comment, b->comment) ||
	    !text_equal(a->name, b->name) || a->count != b->count ||
	    a->body_count != b->body_count)
		return false;
	if (a->kind == SCN_STEP)
		return steps_equal(a->step, b->step);
	for (i = 0; a->setting && i < a->count; i++)
		if (!text_equal(a->setting[i].name, b->setting[i].name) ||
		    !text_equal(a->setting[i].value, b->setting[i].value))
			return false;
	for (i = 0; i < a->body_count; i++)
		if (!nodes_equal(&a->body[i], &b->body[i]))
			return false;
	return true;
}

bool scn_equal(const struct scn *a, const struct scn *b)
{
	u32 i;

	if (a->node_count != b->node_count || a->verdict != b->verdict)
		return false;
	for (i = 0; i < a->node_count; i++)
		if (!nodes_equal(&a->node[i], &b->node[i]))
			return false;
	return true;
}
